import { spawnSync } from 'node:child_process';
import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { actionProcess, temporaryDirectory } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { bundle, makeTree, sha256Of, treeOf } from './publishing.ts';

describe('the bundle as a step of a job', () => {
  test('publishes, and reports in outputs, files and summary', async () => {
    const workspace = makeTree({
      'dist/index.html': '<p>',
      'dist/v1/app.zip': 'zip',
      'dist/notes|draft.txt': 'x',
    });
    const out = temporaryDirectory('out');
    const run = await actionProcess(bundle, {
      workspace,
      inputs: {
        source: 'dist',
        destination: pathToFileURL(out).href,
        immutable: 'v1/**',
        pointers: '*.html',
        'base-url': 'https://cdn.example.org/x',
      },
    });
    expect(run.exitCode, run.log).toBe(0);
    expect(treeOf(out)).toEqual({ 'index.html': '<p>', 'v1/app.zip': 'zip', 'notes|draft.txt': 'x' });
    expect(run.outputs).toMatchObject({ uploaded: '3', unchanged: '0', deleted: '0', 'bytes-uploaded': '7' });
    expect(run.outputs['invalidation-paths']).toBe('/x/index.html\n/x/notes%7Cdraft.txt\n/x/v1/app.zip');
    expect(readFileSync(run.outputs['changed-keys'] ?? '', 'utf8')).toBe(
      'index.html\nnotes|draft.txt\nv1/app.zip\n',
    );
    const manifest: unknown = JSON.parse(readFileSync(run.outputs['manifest'] ?? '', 'utf8'));
    expect(manifest).toContainEqual({
      key: 'v1/app.zip',
      sizeBytes: 3,
      sha256: sha256Of('zip'),
      etag: expect.any(String),
      url: 'https://cdn.example.org/x/v1/app.zip',
    });
    expect(run.summary).toContain('Files published');
    expect(run.summary).toContain('notes&#124;draft.txt');
  });

  test('hashes in worker threads when there is much to hash', async () => {
    const block = Buffer.alloc(8 * 2 ** 20, 'x');
    const files = Object.fromEntries(
      Array.from({ length: 10 }, (_, index) => [
        `f${index}`,
        Buffer.concat([block, Buffer.from(`${index}`)]),
      ]),
    );
    const source = makeTree(files);
    const out = temporaryDirectory('out');
    const inputs = { source, destination: pathToFileURL(out).href };
    const first = await actionProcess(bundle, { inputs });
    expect(first.exitCode, first.log).toBe(0);
    for (const [key, content] of Object.entries(files)) {
      expect(sha256Of(readFileSync(join(out, key)))).toBe(sha256Of(content));
    }
    expect((await actionProcess(bundle, { inputs })).outputs).toMatchObject({
      uploaded: '0',
      unchanged: '10',
    });
  });

  test('fails with one sentence for an invalid name, and prints no command in it (I8)', async () => {
    const source = makeTree({ 'a\n::error::owned': 'x' });
    const run = await actionProcess(bundle, {
      inputs: { source, destination: pathToFileURL(temporaryDirectory('out')).href },
    });
    expect(run.exitCode).toBe(1);
    expect(run.annotations).toHaveLength(1);
    expect(run.annotations[0]?.message).toContain('name-invalid');
  });

  test('I7: no secret of its inputs is in logs, files or the summary', async () => {
    const secrets = ['wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY', 'FwoGZXIvYXdzEXAMPLESESSIONTOKEN'];
    const [secret = '', token = ''] = secrets;
    const run = await actionProcess(bundle, {
      workspace: makeTree({ [`dist/${token}`]: 'a name that is a secret' }),
      inputs: {
        source: 'dist',
        destination: pathToFileURL(temporaryDirectory('out')).href,
        'access-key-id': 'AKIDEXAMPLE',
        'secret-access-key': secret,
        'session-token': token,
        report: 'report.json',
        'base-url': 'https://cdn.example.org',
      },
      environment: { RUNNER_DEBUG: '1' },
    });
    expect(run.exitCode, run.log).toBe(0);
    const printed = run.log.split('\n').filter((line) => !line.startsWith('::add-mask::'));
    const files = [run.outputs['manifest'], run.outputs['changed-keys'], run.outputs['report']].map((path) =>
      readFileSync(path ?? '', 'utf8'),
    );
    const everything = [...printed, ...files, run.summary, JSON.stringify(run.outputs)].join('\n');
    for (const text of secrets) expect(everything).not.toContain(text);
  });

  test('names files that its user may not read', () => {
    const source = makeTree({ open: 'x', locked: 'y', 'closed/z': 'z' });
    chmodSync(source, 0o755);
    chmodSync(join(source, 'locked'), 0);
    chmodSync(join(source, 'closed'), 0);
    const out = temporaryDirectory('out');
    chmodSync(out, 0o777);
    const { status, stdout } = spawnSync(process.execPath, [bundle], {
      ...(process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}),
      encoding: 'utf8',
      env: { INPUT_SOURCE: source, INPUT_DESTINATION: pathToFileURL(out).href, GITHUB_WORKSPACE: source },
    });
    expect(status, stdout).toBe(1);
    expect(stdout).toContain('source-unreadable');
    expect(stdout).toContain('"closed/" cannot be listed (EACCES)');
    expect(stdout).toContain('"locked" cannot be read (EACCES)');
    expect(treeOf(out)).toEqual({});
    chmodSync(join(source, 'closed'), 0o755);
  });
});
