// Slow: about 60 s.
import { hash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ActionRun, serverProgram, temporaryDirectory } from '@slipway/testkit';
import { describe, expect, it } from 'vitest';
import { proof, secretAccessKey, startCdn } from './cdn.ts';

const wordsOf = (run: ActionRun): string =>
  run.annotations.map(({ title, message }) => `${title}: ${message}`).join('\n');
const reportOf = (run: ActionRun): unknown => JSON.parse(readFileSync(run.outputs['report'] ?? '', 'utf8'));

describe.skipIf(serverProgram('varnishd') === undefined)('through a CDN (needs varnishd and gcc)', () => {
  it('new bytes are stale until they are invalidated, and proven afterwards', async () => {
    const cdn = await startCdn();
    await cdn.cache({ 'index.json': 'old', 'other.json': 'old' });
    cdn.store({ 'index.json': 'new', 'other.json': 'new' });
    const prove = proof('/index.json', 'new');

    const role = 'arn:aws:iam::123456789012:role/publish';
    const withoutKeys = { 'access-key-id': '', 'secret-access-key': '', 'role-to-assume': role };
    const without = await cdn.run({ ...withoutKeys, prove, 'prove-deadline': '1s' });
    expect(without.exitCode).toBe(1);
    expect(without.outputs).toMatchObject({
      status: 'none',
      proven: '0',
      stale: '1',
      'invalidation-ids': '',
    });
    expect(wordsOf(without)).toMatch(/served-stale.*x-cache: Hit from varnish/s);
    expect(without.log).toMatch(/The stale URLs cannot be invalidated: .*no role can be assumed/s);
    expect(cdn.controlPlane.requests).toEqual([]);

    const run = await cdn.run({ paths: '/index.json', prove });
    expect(run.exitCode, run.log).toBe(0);
    const [made] = cdn.controlPlane.invalidations;
    expect(run.outputs).toMatchObject({
      status: 'Completed',
      'invalidation-ids': made?.id,
      'paths-invalidated': '1',
      'billable-paths': '1',
      proven: '1',
      stale: '0',
    });
    expect(run.summary).toContain('## CloudFront serves what was published');
    expect(await (await fetch(cdn.urlOf('other.json'))).text()).toBe('old');
    expect(reportOf(run)).toMatchObject({ dryRun: false, proofs: [{ served: { kind: 'fresh' } }] });
  });

  it('stale URLs that no path covers are invalidated once before the run fails', async () => {
    const cdn = await startCdn();
    await cdn.cache({ 'a.json': 'old', 'b.json': 'old' });
    cdn.store({ 'a.json': 'new', 'b.json': 'new' });
    const prove = `${proof('/a.json', 'new')}\n${proof('/b.json', 'new')}`;
    const run = await cdn.run({ paths: '/a.json', prove });
    expect(run.exitCode, run.log).toBe(0);
    expect(run.outputs).toMatchObject({ status: 'Completed', 'paths-invalidated': '2', proven: '2' });
    expect(cdn.controlPlane.invalidations.map(({ paths }) => paths)).toEqual([['/a.json'], ['/b.json']]);

    cdn.store({ 'a.json': 'newer', 'b.json': 'newest' });
    const wrong = await cdn.run({ prove: proof('/a.json', 'never stored'), 'prove-deadline': '1s' });
    expect(wrong.exitCode).toBe(1);
    expect(wrong.outputs).toMatchObject({ 'paths-invalidated': '1', stale: '1' });
    expect(cdn.controlPlane.invalidations).toHaveLength(3);
  });

  it('proving alone needs no credentials, and having nothing to do is not a failure', async () => {
    const cdn = await startCdn();
    await cdn.cache({ 'a.json': 'new' });
    const role = 'arn:aws:iam::123456789012:role/publish';
    const without = { 'access-key-id': '', 'secret-access-key': '', 'role-to-assume': role };
    const proven = await cdn.run({ ...without, prove: proof('/a.json', 'new') });
    expect(proven.exitCode, proven.log).toBe(0);
    expect(proven.outputs).toMatchObject({ status: 'none', proven: '1' });
    expect((await cdn.run({ ...without, 'base-url': '' })).exitCode).toBe(0);
    const denied = await cdn.run({ ...without, paths: '/a.json' });
    expect(denied.exitCode).toBe(1);
    expect(wordsOf(denied)).toMatch(/id-token: write/);
  });

  it('running again is the same invalidation and costs nothing', async () => {
    const cdn = await startCdn();
    await cdn.cache({ 'a.json': 'old' });
    cdn.store({ 'a.json': 'new' });
    const inputs = { paths: '/a.json', prove: proof('/a.json', 'new') };
    const first = await cdn.run(inputs);
    const second = await cdn.run(inputs);
    expect([first.exitCode, second.exitCode], second.log).toEqual([0, 0]);
    expect(cdn.controlPlane.invalidations).toHaveLength(1);
    expect(second.outputs).toMatchObject({
      'billable-paths': '0',
      'invalidation-ids': first.outputs['invalidation-ids'],
      proven: '1',
    });
    const referenced = { paths: '/a.json', reference: 'index 1' };
    await cdn.run(referenced);
    const warned = await cdn.run(referenced);
    expect(cdn.controlPlane.invalidations).toHaveLength(2);
    expect(warned.annotations).toMatchObject([
      { severity: 'warning', message: expect.stringMatching(/nothing was invalidated now/) },
    ]);
  });

  it('going back to earlier bytes is a new invalidation, although its reference was used', async () => {
    const cdn = await startCdn();
    await cdn.cache({ 'a.json': 'zero' });
    for (const [round, body] of ['one', 'two', 'one'].entries()) {
      cdn.store({ 'a.json': body });
      const run = await cdn.run({ paths: '/a.json', prove: proof('/a.json', body) });
      expect(run.exitCode, run.log).toBe(0);
      expect(run.outputs).toMatchObject({ proven: '1', 'billable-paths': '1' });
      expect(cdn.controlPlane.invalidations).toHaveLength(round + 1);
    }
    const references = cdn.controlPlane.invalidations.map(({ callerReference }) => callerReference);
    expect(references[2]).toBe(`${references[0]}-2`);
  });

  it('I5: after a kill between the invalidation and the proof, the rerun creates no second one', async () => {
    const cdn = await startCdn({ completesAfterMs: 2_000 });
    await cdn.cache({ 'a.json': 'old' });
    cdn.store({ 'a.json': 'new' });
    const inputs = { paths: '/a.json', prove: proof('/a.json', 'new') };
    const killed = await cdn.run(inputs, {
      onOutput: (log, kill) => {
        if (log.includes('InProgress')) kill('SIGKILL');
      },
    });
    expect(killed.signal).toBe('SIGKILL');
    expect(cdn.controlPlane.invalidations).toHaveLength(1);
    const rerun = await cdn.run(inputs);
    expect(rerun.exitCode, rerun.log).toBe(0);
    expect(rerun.outputs).toMatchObject({ status: 'Completed', proven: '1' });
    expect(cdn.controlPlane.invalidations).toHaveLength(1);
  });

  it('an invalidation in progress that began before this publish is not relied on if it does not help', async () => {
    const cdn = await startCdn({ completesAfterMs: 1_000, ineffective: 1 });
    await cdn.cache({ 'a.json': 'old' });
    cdn.store({ 'a.json': 'new' });
    const inputs = { paths: '/a.json', prove: proof('/a.json', 'new'), 'prove-deadline': '2s' };
    await cdn.run(inputs, { onOutput: (log, kill) => log.includes('InProgress') && kill('SIGKILL') });
    cdn.controlPlane.invalidations[0]?.createdAt.setTime(Date.now() - 600_000);
    const run = await cdn.run(inputs);
    expect(run.exitCode, run.log).toBe(0);
    expect(run.outputs).toMatchObject({ proven: '1', 'billable-paths': '1' });
    expect(cdn.controlPlane.invalidations).toHaveLength(2);
  });

  it('distinguishes 403, 404 and stale content', async () => {
    const deadline = { 'prove-deadline': '1s', 'wait-deadline': '30s' };
    const forbidding = await startCdn({ missing: 403 });
    await forbidding.cache({ 'a.json': 'old' });
    const blocked = await forbidding.run({
      prove: `${proof('/a.json', 'new')}\n${proof('/b.json', 'new')}`,
      ...deadline,
    });
    expect(blocked.exitCode).toBe(1);
    const words = wordsOf(blocked);
    expect(words).toMatch(/served-stale/);
    expect(words).toMatch(/served-forbidden/);
    expect(words).toMatch(/s3:ListBucket.*blocked/s);
    expect(words).not.toMatch(/served-missing/);

    const honest = await startCdn({ missing: 404 });
    const missing = await honest.run({ prove: proof('/b.json', 'new'), ...deadline });
    expect(wordsOf(missing)).toMatch(/served-missing.*ErrorCachingMinTTL/s);

    // The invalidation also removes a cached error.
    forbidding.store({ 'b.json': 'new' });
    expect((await fetch(forbidding.urlOf('b.json'))).status).toBe(403);
    const run = await forbidding.run({ paths: '/b.json', prove: proof('/b.json', 'new') });
    expect(run.exitCode, run.log).toBe(0);
  });

  it('every spelling of a key is covered, and keys with "~" by a wildcard', async () => {
    const cdn = await startCdn();
    const keys = [
      'plain',
      'a b',
      'a+b',
      '50%',
      '1%2F2',
      'x~y',
      'ü/ß',
      "it's (1)!",
      'a@b:c,d;e=f&g$h',
      '*',
      'q?r#s',
    ];
    const all = (body: string): Record<string, string> =>
      Object.fromEntries(keys.map((key) => [`m/${key}`, `${body} ${key}`]));
    await cdn.cache(all('old'));
    cdn.store(all('new'));
    const workspace = temporaryDirectory('workspace');
    const manifest = keys.map((key) => ({
      key,
      sizeBytes: Buffer.byteLength(`new ${key}`),
      sha256: hash('sha256', `new ${key}`),
    }));
    writeFileSync(join(workspace, 'manifest.json'), JSON.stringify(manifest));
    // In the form of the publish actions, except "*", which would be a wildcard.
    const paths = keys.map(
      (key) => `/${key.split('/').map(encodeURIComponent).join('/').replaceAll('*', '%2A')}`,
    );
    writeFileSync(join(workspace, 'paths.txt'), paths.join('\n'));
    const run = await cdn.run(
      {
        'paths-file': 'paths.txt',
        'path-prefix': '/m',
        'prove-file': 'manifest.json',
        'prove-deadline': '10s',
      },
      { workspace },
    );
    expect(run.exitCode, run.log).toBe(0);
    expect(run.outputs).toMatchObject({ proven: String(keys.length), stale: '0' });
    expect(run.annotations).toMatchObject([
      {
        severity: 'notice',
        message: expect.stringMatching(/"\/m\/x\*" replaces 1 of the paths, which CloudFront/),
      },
    ]);
  });

  it('many paths are collapsed into wildcards that cover them all', async () => {
    const cdn = await startCdn();
    const keys = Array.from({ length: 60 }, (_, index) => `v3/specs/p${index % 3}/s${index}.json`);
    const all = (body: string): Record<string, string> => Object.fromEntries(keys.map((key) => [key, body]));
    await cdn.cache(all('old'));
    await cdn.cache({ 'v3/layout.json': 'kept' });
    cdn.store({ ...all('new'), 'v3/layout.json': 'changed' });
    const run = await cdn.run({
      paths: keys.map((key) => `/${key}`).join('\n'),
      'max-paths': '3',
      prove: keys.map((key) => proof(`/${key}`, 'new')).join('\n'),
    });
    expect(run.exitCode, run.log).toBe(0);
    expect(run.outputs).toMatchObject({ 'billable-paths': '3', proven: '60' });
    expect(await (await fetch(cdn.urlOf('v3/layout.json'))).text()).toBe('kept');
  });

  it('cache tags are invalidated if the distribution reads them, and refused otherwise', async () => {
    const cdn = await startCdn({ tagHeader: 'x-amz-meta-cache-tag' });
    const tags = { 'x-amz-meta-cache-tag': 'Package:GCC, nightly' };
    await cdn.cache({ a: 'old', b: 'old' }, tags);
    await cdn.cache({ c: 'old' }, { 'x-amz-meta-cache-tag': 'package:gcc-runtime' });
    cdn.store({ a: 'new', b: 'new' }, tags);
    cdn.store({ c: 'new' });
    const prove = `${proof('/a', 'new')}\n${proof('/b', 'new')}\n${proof('/c', 'old')}`;
    const run = await cdn.run({ 'cache-tags': '#package:gcc', prove });
    expect(run.exitCode, run.log).toBe(0);
    expect(cdn.controlPlane.invalidations).toMatchObject([{ paths: ['#package:gcc'] }]);

    const deaf = await startCdn();
    const refused = await deaf.run({ 'cache-tags': 'package:gcc' });
    expect(refused.annotations).toMatchObject([{ message: expect.stringMatching(/reads no cache tags/) }]);
    expect(deaf.controlPlane.invalidations).toEqual([]);
  });

  it('waits for its turn', async () => {
    const cdn = await startCdn();
    const others = cdn.controlPlane.occupy(Array.from({ length: 15 }, (_, index) => `/${index}/*`));
    const run = await cdn.run(
      { paths: '/a/*' },
      {
        onOutput: (log) => {
          if (log.includes('1 invalidation in progress')) cdn.controlPlane.complete(others, 0);
        },
      },
    );
    expect(run.exitCode, run.log).toBe(0);
    expect(run.log).toMatch(/1 invalidation in progress for this distribution: no room yet/);
    expect(run.outputs).toMatchObject({ status: 'Completed', 'paths-invalidated': '1' });
  });

  it('reports a missed deadline, and what is still in progress', async () => {
    const cdn = await startCdn({ completesAfterMs: 60_000 });
    const run = await cdn.run({ paths: '/a', 'wait-deadline': '1s' });
    expect(run.exitCode).toBe(1);
    expect(run.outputs).toMatchObject({
      status: 'InProgress',
      'paths-invalidated': '1',
      'invalidation-ids': cdn.controlPlane.invalidations[0]?.id,
    });
    expect(wordsOf(run)).toMatch(/is still InProgress after.*Run again with the same inputs.*timed-out/s);
  });

  it('is denied immediately, with the missing statement', async () => {
    const cdn = await startCdn();
    cdn.controlPlane.denied.add('CreateInvalidation');
    const run = await cdn.run({ paths: '/a' });
    expect(run.exitCode).toBe(1);
    expect(run.outputs).toMatchObject({ status: 'failed' });
    expect(run.annotations[0]?.message).toMatch(
      /"cloudfront:CreateInvalidation","cloudfront:GetInvalidation"/,
    );
    expect(cdn.controlPlane.requests).toEqual(['CreateInvalidation']);
  });

  it('I7: prints and stores no secret', async () => {
    const cdn = await startCdn();
    const session = 'FwoGZXIvYXdzEXAMPLESESSIONTOKEN';
    const run = await cdn.run(
      { paths: '/a', 'session-token': session, prove: proof('/a', 'new'), 'prove-deadline': '1s' },
      { environment: { RUNNER_DEBUG: '1' } },
    );
    expect(run.exitCode).toBe(1);
    expect(run.masks).toEqual(expect.arrayContaining([secretAccessKey, session]));
    const printed = run.log
      .split('\n')
      .filter((line) => !line.startsWith('::add-mask::'))
      .join('\n');
    for (const secret of [secretAccessKey, session]) {
      const stored = [printed, run.summary, JSON.stringify(run.outputs), JSON.stringify(reportOf(run))];
      for (const text of stored) expect(text).not.toContain(secret);
    }
    expect(readFileSync(join(run.directory, 'env'), 'utf8')).toBe('');
  });

  it('I8: what a CDN says is never a workflow command', async () => {
    const cdn = await startCdn();
    cdn.store({ a: 'old' }, { etag: '"::error title=pwned::pwned', 'last-modified': '##[error]pwned' });
    const run = await cdn.run({ prove: proof('/a', 'new'), 'prove-deadline': '1s' });
    expect(run.annotations.map(({ title }) => title)).not.toContain('pwned');
    expect(wordsOf(run)).toMatch(/pwned/);
    expect(run.log).not.toMatch(/^\s*##\[error\]|::error title=pwned/m);
  });
});

describe('the bundle', () => {
  it('fails with a sentence for each input', async () => {
    const { actionProcess } = await import('@slipway/testkit');
    const main = join(import.meta.dirname, '../dist/index.js');
    const run = await actionProcess(main, { inputs: { paths: 'a' } });
    expect(run.exitCode).toBe(1);
    expect(run.annotations).toHaveLength(1);
    expect(run.annotations[0]?.message).toContain('input "distribution-id" is required');
    expect(run.annotations[0]?.message).toContain('"a": it does not start with "/"');
  });
});
