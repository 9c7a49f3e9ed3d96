// Slow: about 80 s.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  actionProcess,
  changesIn,
  countsChanges,
  diesAtChange,
  makeKey,
  secretsOfKey,
  spread,
  type TestKey,
  temporaryDirectory,
} from '@slipway/testkit';
import { beforeAll, describe, expect, test } from 'vitest';
import { bundle, gpgVerify, pictureOf, sha256sumCheck, workspaceOf } from './signing.ts';

const passphrase = 'the long correct horse';
let key: TestKey;
beforeAll(async () => {
  key = await makeKey({ type: 'rsa2048', passphrase });
});

const inputs = (more: Readonly<Record<string, string>> = {}) => ({
  files: 'dist',
  'signing-key': key.privateArmored,
  passphrase,
  ...more,
});

describe('the bundle as a step of a job', () => {
  test('signs, and reports in outputs, files and summary', async () => {
    const workspace = workspaceOf({ 'dist/a': 'x', 'dist/b|c': 'y' });
    const run = await actionProcess(bundle, { workspace, inputs: inputs() });
    expect(run.exitCode, run.log).toBe(0);
    expect(run.outputs).toMatchObject({
      fingerprint: key.fingerprint,
      checksums: 'dist/SHA256SUMS',
      signed: '3',
      'already-signed': '0',
    });
    expect(sha256sumCheck(join(workspace, 'dist'))).toBe('a: OK\nb|c: OK\n');
    const publicKey = readFileSync(run.outputs['public-key'] ?? '', 'utf8');
    const path = join(workspace, 'dist/a');
    expect(gpgVerify(publicKey, `${path}.asc`, path).exitCode).toBe(0);
    expect(run.summary).toContain('Files signed');
    expect(run.summary).toContain('b&#124;c');
  });

  test('writes the whole public key, even lines it shares with the secret one', async () => {
    const workspace = workspaceOf({ 'dist/a': 'x' });
    const lines = key.publicArmored.split('\n').filter((line) => line.length >= 60);
    expect(lines.length).toBeGreaterThan(5);
    const signingKey = `${lines.join('\n')}\n${key.privateArmored}`;
    const run = await actionProcess(bundle, { workspace, inputs: inputs({ 'signing-key': signingKey }) });
    expect(run.exitCode, run.log).toBe(0);
    expect(run.masks).toEqual(expect.arrayContaining(lines));
    const publicKey = readFileSync(run.outputs['public-key'] ?? '', 'utf8');
    const path = join(workspace, 'dist/a');
    expect(gpgVerify(publicKey, `${path}.asc`, path).exitCode).toBe(0);
  });

  test('I7: no part of the key or passphrase is in logs, files or the summary, even if it fails', async () => {
    const workspace = workspaceOf({ 'dist/a': 'x' });
    const secrets = secretsOfKey(key);
    for (const [more, exitCode] of [
      [{}, 0],
      [{ passphrase: `${passphrase}!` }, 1],
      [{ files: 'gone', report: 'report.json' }, 1],
    ] as const) {
      const run = await actionProcess(bundle, {
        workspace,
        inputs: inputs(more),
        environment: { RUNNER_DEBUG: '1' },
      });
      expect(run.exitCode, run.log).toBe(exitCode);
      const printed = run.log.split('\n').filter((line) => !line.startsWith('::add-mask::'));
      const everything = [
        ...printed,
        run.summary,
        JSON.stringify(run.outputs),
        JSON.stringify(pictureOf(run.directory)),
        JSON.stringify(pictureOf(workspace)),
      ].join('\n');
      for (const secret of secrets) expect(everything.includes(secret)).toBe(false);
    }
  });

  test('I5: killed anywhere, it leaves whole files, and running it again completes it', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 60 }, (_, index) => [`dist/f${index}`, `${index}`.repeat(20_000)]),
    );
    const whole = await actionProcess(bundle, {
      workspace: workspaceOf(files),
      inputs: inputs(),
      nodeOptions: countsChanges,
    });
    expect(whole.exitCode, whole.log).toBe(0);
    const counts = new Set<number>();
    for (const change of spread(8, changesIn(whole.log))) {
      const workspace = workspaceOf(files);
      const killed = await actionProcess(bundle, {
        workspace,
        inputs: inputs(),
        nodeOptions: diesAtChange(change),
      });
      expect(killed.signal, `at change ${change}`).toBe('SIGKILL');
      const left = Object.entries(pictureOf(workspace)).filter(([name]) => /dist\/[^.].*\.asc$/.test(name));
      for (const [name, text] of left) expect(text, name).toMatch(/-----END PGP SIGNATURE-----\n$/);
      counts.add(left.length);
      const again = await actionProcess(bundle, { workspace, inputs: inputs() });
      expect(again.exitCode, again.log).toBe(0);
      expect(Number(again.outputs['already-signed'])).toBe(left.length);
      expect(sha256sumCheck(join(workspace, 'dist'))).toContain('f59: OK');
    }
    // Otherwise the kills would hit only the ends.
    expect(counts.size).toBeGreaterThan(3);
  }, 120_000);

  test('signs a file too large for any buffer, in little memory', async () => {
    const workspace = temporaryDirectory('large');
    execFileSync('truncate', ['--size', '2200M', 'large.img'], { cwd: workspace });
    const peak = `data:text/javascript,process.on('exit',()=>console.log('peak',process.resourceUsage().maxRSS))`;
    const run = await actionProcess(bundle, {
      workspace,
      inputs: inputs({ files: 'large.img' }),
      nodeOptions: ['--import', peak],
    });
    expect(run.exitCode, run.log).toBe(0);
    const peakKib = Number(/^peak (\d+)$/m.exec(run.log)?.[1]);
    expect(peakKib).toBeGreaterThan(20_000);
    expect(peakKib).toBeLessThan(300 * 1024);
    const path = join(workspace, 'large.img');
    expect(gpgVerify(key.publicArmored, `${path}.asc`, path).exitCode).toBe(0);
  }, 300_000);
});
