import { createHash } from 'node:crypto';
import { mkdirSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArtifacts } from '@slipway/core';
import { contentsText } from '@slipway/runner';
import { temporaryDirectory } from '@slipway/testkit';
import { describe, expect, it } from 'vitest';
import { bytesOf, listing, namesIn, pack, textOf, workspaceOf } from './packing.ts';

const product = {
  'dist/app-macos-intel*': 'intel',
  'dist/app-macos-arm*': 'arm',
  'dist/app.exe': 'windows',
  'dist/my lib.dll': 'dll',
  'README.tmpl': 'App {{version}} for {{platform}} ({{archive}})\n{{files}}\n',
};

describe('zips', () => {
  it('I7: leave out credential stores with a warning, unless they are named', async () => {
    const workspace = workspaceOf({ 'app/a': 'a', 'app/.git/config': 'token', 'app/.env': 'SECRET=1' });
    const run = await pack(workspace, { archives: 'app.zip: app\nenv.zip: app/ app/.env=settings' });
    expect(listing(join(workspace, 'archives/app.zip'))).toEqual(['-rw-r--r-- app/a']);
    expect(listing(join(workspace, 'archives/env.zip'))).toEqual(['-rw-r--r-- a', '-rw-r--r-- settings']);
    expect(run.problems).toMatchObject([{ code: 'credentials-left-out', severity: 'notice' }]);
    expect(run.problems[0]?.message).toContain('app/.env, app/.git/');
    expect(run.log.join('\n')).toContain('app/.env, app/.git/');
  });

  it('warn about a "!glob" that excludes nothing and looks like several', async () => {
    const workspace = workspaceOf({ 'app/a': 'a', 'app/b.pdb': 'b' });
    const run = await pack(workspace, {
      archives: 'app.zip: app !*.pdb,*.map\nother.zip: app !*.pdb !*.map',
    });
    expect(run.problems).toMatchObject([{ code: 'glob-unused', severity: 'warning' }]);
    expect(run.problems[0]?.message).toContain('"*.pdb,*.map"');
  });

  it('have their files, the README and the executable bit, and are passed on with size and hash', async () => {
    const workspace = workspaceOf(product);
    const run = await pack(workspace, {
      archives: 'macos.zip: dist/app-macos-*\nwindows.zip: dist/app.exe "dist/my lib.dll"=lib/',
      platforms: 'macos.zip: macos\nwindows.zip: windows',
      'readme-template': 'README.tmpl',
      fields: 'version = 1.2.3',
    });
    expect(run.failure).toBeUndefined();
    const macos = join(workspace, 'archives/macos.zip');
    const windows = join(workspace, 'archives/windows.zip');
    expect(listing(macos)).toEqual([
      '-rw-r--r-- README.txt',
      '-rwxr-xr-x app-macos-arm',
      '-rwxr-xr-x app-macos-intel',
    ]);
    expect(listing(windows)).toEqual([
      '-rw-r--r-- README.txt',
      '-rw-r--r-- app.exe',
      '-rw-r--r-- lib/my lib.dll',
    ]);
    expect(textOf(macos, 'README.txt')).toBe(
      'App 1.2.3 for macos (macos.zip)\napp-macos-arm\napp-macos-intel\n',
    );
    expect(textOf(windows, 'lib/my lib.dll')).toBe('dll');
    expect(namesIn(join(workspace, 'archives'))).toEqual(['macos.zip', 'windows.zip']);
    const list = run.files.find(({ output }) => output === 'artifacts');
    expect(parseArtifacts(contentsText(list?.contents ?? ''))).toEqual(
      ['macos', 'windows'].map((platform) => {
        const bytes = bytesOf(workspace, `archives/${platform}.zip`);
        return {
          name: `${platform}.zip`,
          path: `archives/${platform}.zip`,
          platform,
          sizeBytes: bytes.length,
          sha256: createHash('sha256').update(bytes).digest('hex'),
        };
      }),
    );
    expect(run.outputs).toEqual({
      paths: 'archives/macos.zip\narchives/windows.zip',
      archives: 2,
      unchanged: 0,
      entries: 6,
      'total-bytes': statSync(macos).size + statSync(windows).size,
    });
  });

  it('are packed together in the universal one, each file once', async () => {
    const workspace = workspaceOf(product);
    const inputs = {
      archives: 'a.zip: dist/app-*\nb.zip: dist/app-macos-arm dist/app.exe',
      universal: 'all.zip',
    };
    await pack(workspace, inputs);
    expect(listing(join(workspace, 'archives/all.zip'))).toEqual([
      '-rwxr-xr-x app-macos-arm',
      '-rwxr-xr-x app-macos-intel',
      '-rw-r--r-- app.exe',
    ]);
    await pack(workspace, { ...inputs, 'universal-layout': 'by-archive', 'top-directory': 'true' });
    expect(listing(join(workspace, 'archives/all.zip'))).toEqual([
      '-rwxr-xr-x all/a/app-macos-arm',
      '-rwxr-xr-x all/a/app-macos-intel',
      '-rwxr-xr-x all/b/app-macos-arm',
      '-rw-r--r-- all/b/app.exe',
    ]);
  });

  it('restore a lost executable bit', async () => {
    const workspace = workspaceOf({ app: 'x', 'bin/tool': 'x', 'doc/tool': 'x' });
    await pack(workspace, {
      archives: 'a.zip: app bin doc\nb.zip: app',
      executable: 'a.zip: app bin/*',
    });
    expect(listing(join(workspace, 'archives/a.zip'))).toEqual([
      '-rwxr-xr-x app',
      '-rwxr-xr-x bin/tool',
      '-rw-r--r-- doc/tool',
    ]);
    expect(listing(join(workspace, 'archives/b.zip'))).toEqual(['-rw-r--r-- app']);
  });

  it('keep links that stay inside, and empty directories', async () => {
    const workspace = workspaceOf({ 'App.app/Versions/A/App*': 'x' });
    mkdirSync(join(workspace, 'App.app/Plugins'));
    symlinkSync('A', join(workspace, 'App.app/Versions/Current'));
    symlinkSync('Versions/Current/App', join(workspace, 'App.app/App'));
    await pack(workspace, { archives: 'mac.zip: App.app' });
    expect(listing(join(workspace, 'archives/mac.zip'))).toEqual([
      'lrwxrwxrwx App.app/App',
      'drwxr-xr-x App.app/Plugins/',
      '-rwxr-xr-x App.app/Versions/A/App',
      'lrwxrwxrwx App.app/Versions/Current',
    ]);
  });

  it('are left alone if they already have the same bytes', async () => {
    const workspace = workspaceOf(product);
    const inputs = { archives: 'a.zip: dist' };
    await pack(workspace, inputs);
    const path = join(workspace, 'archives/a.zip');
    utimesSync(path, 1, 1);
    expect((await pack(workspace, inputs)).outputs).toMatchObject({ archives: 1, unchanged: 1 });
    expect(statSync(path).mtimeMs).toBe(1_000);
    writeFileSync(join(workspace, 'dist/app.exe'), 'other');
    expect((await pack(workspace, inputs)).outputs).toMatchObject({ archives: 1, unchanged: 0 });
    expect(textOf(path, 'dist/app.exe')).toBe('other');
  });

  it('have the time of SOURCE_DATE_EPOCH, and the names of their targets', async () => {
    const workspace = workspaceOf({ 'out/a': 'x', 'out/d/b': 'y' });
    const output = temporaryDirectory('output');
    const run = await pack(
      workspace,
      {
        archives: 'x.zip: a=first d/=second/ d=third',
        'source-directory': 'out',
        'output-directory': output,
      },
      { SOURCE_DATE_EPOCH: '1782909015' },
    );
    expect(listing(join(output, 'x.zip'))).toEqual([
      '-rw-r--r-- first',
      '-rw-r--r-- second/b',
      '-rw-r--r-- third/b',
    ]);
    expect(run.outputs['paths']).toBe(join(output, 'x.zip'));
    // The time of the first local record.
    expect(bytesOf(output, 'x.zip').readUInt32LE(10)).toBe(0x5ce1_63c7);
  });
});

describe('a dry run', () => {
  it('prints what would be packed, and writes nothing', async () => {
    const workspace = workspaceOf(product);
    const run = await pack(workspace, { archives: 'macos.zip: dist/app-macos-arm', 'dry-run': 'true' });
    expect(run.log).toEqual(['Would pack macos.zip: 1 entry, 3 B unpacked.', '  app-macos-arm (executable)']);
    expect(namesIn(workspace)).toEqual(['README.tmpl', 'dist']);
    expect(run.outputs).toMatchObject({ archives: 0, paths: '' });
    expect(run.files.map(({ output }) => output)).toEqual(['report']);
    expect(run.json('report')).toMatchObject({
      dryRun: true,
      archives: [
        { name: 'macos.zip', unpackedBytes: 3, entries: [{ name: 'app-macos-arm', executable: true }] },
      ],
    });
  });
});
