import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { artifactsText, parseArtifacts } from '@slipway/core';
import { contentsText } from '@slipway/runner';
import { type ActionRunResult, gpgMissing, makeKey, type TestKey } from '@slipway/testkit';
import { beforeAll, describe, expect, it } from 'vitest';
import { gpgVerify, pictureOf, sha256sumCheck, sign, workspaceOf } from './signing.ts';

let key: TestKey;
let stranger: TestKey;
beforeAll(async () => {
  key = await makeKey({ type: 'ed25519' });
  stranger = await makeKey({ type: 'ed25519', userId: 'Stranger' });
});

const release = () => ({
  'dist/a-1.0.tar.gz': 'the source',
  'dist/linux/app 1.0.zip': randomBytes(2_500_000),
  'dist/empty': '',
});

function artifactsOf(run: ActionRunResult) {
  const list = run.files.find(({ output }) => output === 'artifacts');
  return parseArtifacts(contentsText(list?.contents ?? ''));
}

const sha256Of = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');

describe('files', () => {
  it('that hold credentials are left out of a directory, with a notice (I7)', async () => {
    const workspace = workspaceOf({ 'dist/a': 'a', 'dist/.git/config': 'token', 'dist/.netrc': 'x' });
    const run = await sign(workspace, key, { files: 'dist\n!*.tmp, *.map' });
    expect(Object.keys(pictureOf(workspace)).filter((path) => path.endsWith('.asc'))).toEqual([
      'dist/SHA256SUMS.asc',
      'dist/a.asc',
    ]);
    expect(run.problems).toMatchObject([{ code: 'credentials-left-out' }, { code: 'glob-unused' }]);
    expect(run.problems[0]?.message).toContain('dist/.git/, dist/.netrc');
  });

  it('each get a signature, the checksums and their signature; a second run changes nothing', async () => {
    const workspace = workspaceOf(release());
    const first = await sign(workspace, key, { files: 'dist' });
    expect(first.failure).toBeUndefined();
    expect(first.outputs).toEqual({
      fingerprint: key.fingerprint,
      checksums: 'dist/SHA256SUMS',
      signed: 4,
      'already-signed': 0,
    });
    const picture = pictureOf(workspace);
    expect(Object.keys(picture)).toEqual([
      'dist/SHA256SUMS',
      'dist/SHA256SUMS.asc',
      'dist/a-1.0.tar.gz',
      'dist/a-1.0.tar.gz.asc',
      'dist/empty',
      'dist/empty.asc',
      'dist/linux/app 1.0.zip',
      'dist/linux/app 1.0.zip.asc',
    ]);
    expect(sha256sumCheck(join(workspace, 'dist'))).toBe(
      'a-1.0.tar.gz: OK\nempty: OK\nlinux/app 1.0.zip: OK\n',
    );
    const second = await sign(workspace, key, { files: 'dist' });
    expect(second.outputs).toMatchObject({ signed: 0, 'already-signed': 4 });
    expect(pictureOf(workspace)).toEqual(picture);
    expect(artifactsOf(second)).toEqual(artifactsOf(first));
  });

  it('that changed get a new signature, and only those', async () => {
    const workspace = workspaceOf(release());
    await sign(workspace, key, { files: 'dist' });
    const before = pictureOf(workspace);
    writeFileSync(join(workspace, 'dist/empty'), 'no more');
    const run = await sign(workspace, key, { files: 'dist' });
    expect(run.outputs).toMatchObject({ signed: 2, 'already-signed': 2 });
    expect(run.log.join('\n')).toContain(
      'empty.asc is not a good signature over the present bytes, and is replaced',
    );
    const after = pictureOf(workspace);
    const changed = Object.keys(after).filter((name) => after[name] !== before[name]);
    expect(changed).toEqual(['dist/SHA256SUMS', 'dist/SHA256SUMS.asc', 'dist/empty', 'dist/empty.asc']);
    expect(sha256sumCheck(join(workspace, 'dist'))).toContain('empty: OK');
  });

  it('signed by another key are signed again, with a notice', async () => {
    const workspace = workspaceOf({ a: 'x' });
    await sign(workspace, stranger, { files: 'a' });
    const run = await sign(workspace, key, { files: 'a' });
    expect(run.outputs).toMatchObject({ signed: 2, 'already-signed': 0 });
    expect(run.log.join('\n')).toContain('a.asc is a signature by another key, and is replaced');
  });

  it('are completed after an interrupted run', async () => {
    const whole = workspaceOf({ a: '1', b: '2' });
    await sign(whole, key, { files: '*' });
    const workspace = workspaceOf({ a: '1', b: '2', 'a.asc': readFileSync(join(whole, 'a.asc')) });
    expect((await sign(workspace, key, { files: '*' })).outputs).toMatchObject({
      signed: 2,
      'already-signed': 1,
    });
    expect(readFileSync(join(workspace, 'a.asc'), 'utf8')).toBe(readFileSync(join(whole, 'a.asc'), 'utf8'));
  });

  it('may have their checksums in a directory above, and only those signed', async () => {
    const workspace = workspaceOf({ 'out/d/a': '1', 'out/b': '2', 'out/skip.log': '3' });
    const run = await sign(workspace, key, {
      files: 'out/d\nout/*\n!*.log',
      checksums: 'out/checksums.txt',
      signatures: 'checksums',
    });
    expect(run.outputs).toMatchObject({ signed: 1, checksums: 'out/checksums.txt' });
    expect(readFileSync(join(workspace, 'out/checksums.txt'), 'utf8')).toBe(
      `${sha256Of('2')}  b\n${sha256Of('1')}  d/a\n`,
    );
    expect(Object.keys(pictureOf(workspace))).toEqual([
      'out/b',
      'out/checksums.txt',
      'out/checksums.txt.asc',
      'out/d/a',
      'out/skip.log',
    ]);
    const again = await sign(workspace, key, { files: 'out\n!*.log', checksums: 'out/checksums.txt' });
    expect(again.outputs).toMatchObject({ signed: 2, 'already-signed': 1 });
  });
});

describe('artifacts of another action', () => {
  const given = (workspace: string, artifacts: Parameters<typeof artifactsText>[0]): string => {
    writeFileSync(join(workspace, 'artifacts.json'), artifactsText(artifacts));
    return 'artifacts.json';
  };
  const mac = {
    name: 'mac.zip',
    path: 'dist/mac.zip',
    platform: 'macos',
    sizeBytes: 3,
    sha256: sha256Of('mac'),
  };

  it('are signed and passed on with their properties, and so are their signatures', async () => {
    const workspace = workspaceOf({ 'dist/mac.zip': 'mac', 'dist/notes.txt': 'notes' });
    const artifacts = given(workspace, [
      { ...mac, key: 'v1/mac.zip', url: 'https://cdn.example.org/v1/mac.zip' },
    ]);
    const run = await sign(workspace, key, { artifacts, files: 'dist/*' });
    const signature = readFileSync(join(workspace, 'dist/mac.zip.asc'));
    const expected = [
      { ...mac, key: 'v1/mac.zip', url: 'https://cdn.example.org/v1/mac.zip' },
      { name: 'notes.txt', path: 'dist/notes.txt', sizeBytes: 5, sha256: sha256Of('notes') },
      {
        name: 'mac.zip.asc',
        path: 'dist/mac.zip.asc',
        platform: 'macos',
        sizeBytes: signature.length,
        sha256: sha256Of(signature),
      },
      expect.objectContaining({ name: 'notes.txt.asc' }),
      expect.objectContaining({ name: 'SHA256SUMS', path: 'dist/SHA256SUMS' }),
      expect.objectContaining({ name: 'SHA256SUMS.asc' }),
    ];
    expect(artifactsOf(run)).toEqual(expected);
    // Existing signatures and checksums are passed on, and not signed again.
    writeFileSync(join(workspace, 'artifacts.json'), artifactsText(artifactsOf(run)));
    const again = await sign(workspace, key, { artifacts });
    expect(again.outputs).toMatchObject({ signed: 0, 'already-signed': 3 });
    expect(artifactsOf(again)).toHaveLength(6);
  });

  it.each([
    ['other bytes', { ...mac, sha256: sha256Of('cam') }, 'content-invalid', 'does not match its SHA-256'],
    ['another size', { ...mac, sizeBytes: 4 }, 'source-unreadable', 'has 3 bytes, but 4 in the list'],
    ['no path', { ...mac, path: undefined }, 'input-invalid', 'has no path'],
    ['a path of nothing', { ...mac, path: 'gone' }, 'source-missing', 'cannot be read'],
  ])('with %s are refused', async (_, artifact, code, words) => {
    const workspace = workspaceOf({ 'dist/mac.zip': 'mac' });
    const before = pictureOf(workspace);
    const artifacts = given(workspace, [artifact]);
    await expect(sign(workspace, key, { artifacts })).rejects.toMatchObject({
      code,
      message: expect.stringContaining(words),
    });
    expect(pictureOf(workspace)).toMatchObject(before);
    expect(Object.keys(pictureOf(workspace))).toHaveLength(2);
  });
});

describe('a dry run', () => {
  it('writes nothing, and its plan and outputs are those of the following run', async () => {
    const workspace = workspaceOf({ a: '1', b: '2' });
    const before = pictureOf(workspace);
    const dry = await sign(workspace, key, { files: '*', 'dry-run': 'true' });
    expect(pictureOf(workspace)).toEqual(before);
    expect(dry.log.filter((line) => line.startsWith('Would'))).toEqual([
      'Would sign a',
      'Would sign b',
      `Would write ${join(workspace, 'SHA256SUMS')}`,
      `Would sign the checksums: ${join(workspace, 'SHA256SUMS.asc')} (detached)`,
    ]);
    expect(dry.outputs).toMatchObject({ signed: 3, checksums: '' });
    expect(dry.files.map(({ output }) => output)).toEqual(['public-key', 'report']);
    const real = await sign(workspace, key, { files: '*' });
    const planOf = (run: typeof dry): unknown => (run.json('report') as { readonly plan: unknown }).plan;
    expect(planOf(dry)).toHaveLength(4);
    expect(planOf(real)).toEqual(planOf(dry));
    expect(real.outputs).toMatchObject({ signed: 3 });
  });
});

describe.skipIf(gpgMissing)('the real gpg verifies (skipped where gpg is missing)', () => {
  it.each([
    ['RSA-3072', { type: 'rsa3072' }],
    ['Ed25519', { type: 'ed25519' }],
    ['a passphrase', { type: 'rsa2048', passphrase: 'the long correct horse' }],
    ['a signing subkey', { type: 'ed25519', subkey: true }],
  ] as const)('what is signed with %s', async (_, options) => {
    const signer = await makeKey(options);
    const workspace = workspaceOf(release());
    const run = await sign(workspace, signer, { files: 'dist' });
    const publicKey = contentsText(run.files.find(({ output }) => output === 'public-key')?.contents ?? '');
    const names = ['a-1.0.tar.gz', 'linux/app 1.0.zip', 'empty', 'SHA256SUMS'];
    for (const name of names) {
      const path = join(workspace, 'dist', name);
      const { exitCode, status } = gpgVerify(publicKey, `${path}.asc`, path);
      expect(exitCode, status).toBe(0);
      expect(status).toMatch(new RegExp(`VALIDSIG .* 00 ${signer.fingerprint}\n`));
    }
    writeFileSync(join(workspace, 'dist/empty'), 'not any more');
    const path = join(workspace, 'dist/empty');
    expect(gpgVerify(publicKey, `${path}.asc`, path).exitCode).toBe(1);
  });

  it('clear-signed checksums, which sha256sum then checks', async () => {
    const workspace = workspaceOf(release());
    const inputs = { files: 'dist', 'checksums-signature': 'clear-signed' };
    await sign(workspace, key, inputs);
    const signed = join(workspace, 'dist/SHA256SUMS.asc');
    const { exitCode, status } = gpgVerify(key.publicArmored, signed);
    expect(exitCode, status).toBe(0);
    expect(readFileSync(signed, 'utf8')).toContain(`${sha256Of('the source')}  a-1.0.tar.gz\n`);
    const before = pictureOf(workspace);
    expect((await sign(workspace, key, inputs)).outputs).toMatchObject({ signed: 0, 'already-signed': 4 });
    expect(pictureOf(workspace)).toEqual(before);
    expect((await sign(workspace, key, { files: 'dist' })).outputs).toMatchObject({ signed: 1 });
    expect(gpgVerify(key.publicArmored, signed, join(workspace, 'dist/SHA256SUMS')).exitCode).toBe(0);
  });
});
