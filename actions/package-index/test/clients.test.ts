// Slow: about 100 s.
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import {
  actionProcess,
  type ClientRun,
  haveMinio,
  havePip,
  haveUv,
  type Minio,
  pip,
  type S3Objects,
  s3Objects,
  serverProgram,
  startMinio,
  startVarnish,
  temporaryDirectory,
  uv,
  type Varnish,
  type Wheel,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundle, makePackages, writeFiles } from './indexing.ts';

const configuration = (layout: string): string => `format: 1
prefixes:
  - prefix: whl
    subdirectories: { match: ["cu[0-9]*", cpu] }
    layout: ${layout}
    hashes: required
    yanked: { "torch==2.11.0": it is broken }
`;

type Client = (command: string, args: readonly string[], input?: string) => Promise<ClientRun>;

const clients: readonly (readonly [string, boolean, Client])[] = [
  ['pip', havePip(), (command, args) => pip([command, ...args])],
  ['uv', haveUv(), (command, args) => uv(['pip', command, ...args])],
];

const haveServers = haveMinio() && serverProgram('varnishd') !== undefined;

describe.skipIf(!haveServers)('what package-index makes (needs minio and varnishd)', () => {
  let minio: Minio | undefined;
  let varnish: Varnish | undefined;
  let packages: ReadonlyMap<string, Wheel>;
  let objects: S3Objects;
  let bucket = '';
  /** After the wheel of torch 2.9.0 was stored, and before that of 2.10.0. */
  let between = '';
  /** Where the same packages are served as an index for `cu118`. */
  const places: Record<string, string> = {};

  const build = async (inputs: Readonly<Record<string, string>>, layout: string): Promise<void> => {
    const workspace = temporaryDirectory('workspace');
    writeFiles(workspace, [['index.yml', configuration(layout)]]);
    const given = { config: 'index.yml', 'compute-missing': 'true', 'extract-metadata': 'true', ...inputs };
    const run = await actionProcess(bundle, { workspace, inputs: given });
    expect(run.exitCode, run.log).toBe(0);
    // METADATA was stored by that run; the next one finds it in the listing, and nothing changes.
    const again = await actionProcess(bundle, { workspace, inputs: given });
    expect(again.exitCode, again.log).toBe(0);
    expect(again.outputs).toMatchObject({ 'pages-written': '0', 'pages-deleted': '0' });
  };

  beforeAll(async () => {
    packages = await makePackages();
    const directory = temporaryDirectory('local-index');
    writeFiles(
      directory,
      [...packages].map(([key, { bytes }]) => [`whl/${key}`, bytes] as const),
    );
    await build({ source: pathToFileURL(directory).href }, 'index-files');
    places['a directory'] = `${pathToFileURL(directory).href}/whl/cu118/`;

    minio = await startMinio();
    bucket = await minio.makePublicBucket();
    objects = s3Objects({ url: minio.endpointUrl, bucket }, minio.credentials);
    const isOld = (key: string): boolean => key.includes('2.9.0') || key.includes('Needed');
    for (const [key, { bytes }] of packages) if (isOld(key)) await objects.write(`whl/${key}`, bytes);
    await sleep(1_100);
    between = new Date().toISOString();
    await sleep(1_100);
    for (const [key, { bytes }] of packages) if (!isOld(key)) await objects.write(`whl/${key}`, bytes);
    const { accessKeyId, secretAccessKey } = minio.credentials;
    await build(
      {
        source: `s3://${bucket}`,
        'endpoint-url': minio.endpointUrl,
        'force-path-style': 'true',
        'access-key-id': accessKeyId,
        'secret-access-key': secretAccessKey,
      },
      'both',
    );
    varnish = await startVarnish({ origin: minio.endpointUrl, indexDocument: 'index.html' });
    places['a bare bucket'] = `${minio.endpointUrl}/${bucket}/whl/cu118/`;
    places['a bucket behind a CDN'] = `${varnish.url}/${bucket}/whl/cu118/`;
  }, 180_000);
  afterAll(async () => {
    await varnish?.stop();
    await minio?.stop();
  });

  const placeNames = ['a directory', 'a bare bucket', 'a bucket behind a CDN'] as const;
  const wheel = (version: string): Wheel => {
    const found = packages.get(`cu118/torch-${version}-py3-none-any.whl`);
    if (found === undefined) throw new Error(`there is no torch ${version}`);
    return found;
  };
  const installed = (target: string): readonly string[] =>
    readdirSync(target)
      .filter((name) => name.endsWith('.dist-info'))
      .map((name) => name.replace('.dist-info', '').toLowerCase())
      .sort();
  const pinned = (sha256: string): string => {
    const needed = packages.get('Needed_Thing-1.2-py3-none-any.whl')?.sha256 ?? '';
    return `torch==2.10.0+cu118 --hash=sha256:${sha256}\nneeded-thing==1.2 --hash=sha256:${needed}\n`;
  };

  describe.each(clients)('%s', (name, isHere, client) => {
    describe.skipIf(!isHere)(`(needs ${name})`, () => {
      const install = async (place: string, ...args: readonly string[]) => {
        const target = temporaryDirectory('target');
        const run = await client('install', [
          '--index-url',
          places[place] ?? '',
          '--target',
          target,
          ...args,
        ]);
        return { ...run, installed: run.exitCode === 0 ? installed(target) : [] };
      };

      test.each(placeNames)(
        'installs from %s the newest version that is not yanked and fits this Python, and what it needs',
        async (place) => {
          const run = await install(place, 'Torch');
          expect(run.exitCode, run.output).toBe(0);
          expect(run.installed).toEqual(['needed_thing-1.2', 'torch-2.10.0+cu118']);
        },
      );

      test.each(placeNames)(
        'installs from %s with required hashes, and refuses other bytes',
        async (place) => {
          const directory = temporaryDirectory('requirements');
          const with_ = async (sha256: string) => {
            writeFiles(directory, [['requirements.txt', pinned(sha256)]]);
            return install(place, '--require-hashes', '-r', `${directory}/requirements.txt`);
          };
          const good = await with_(wheel('2.10.0+cu118').sha256);
          expect(good.exitCode, good.output).toBe(0);
          expect(good.installed).toEqual(['needed_thing-1.2', 'torch-2.10.0+cu118']);
          const bad = await with_(wheel('2.9.0+cu118').sha256);
          expect(bad.exitCode).not.toBe(0);
          expect(bad.output).toMatch(/hash/i);
        },
      );

      test('installs a yanked version if it is pinned, and says that it is yanked', async () => {
        const run = await install('a bare bucket', 'torch==2.11.0+cu118');
        expect(run.exitCode, run.output).toBe(0);
        expect(run.installed).toEqual(['torch-2.11.0+cu118']);
        expect(run.output).toContain('it is broken');
      });

      test('installs no version for another Python', async () => {
        const run = await install('a bare bucket', 'torch==3.0+cu118');
        expect(run.exitCode).not.toBe(0);
        expect(run.output).toMatch(/python/i);
      });

      test('knows when a file was uploaded', async () => {
        const option = name === 'pip' ? '--uploaded-prior-to' : '--exclude-newer';
        const run = await install('a bare bucket', option, between, 'torch');
        expect(run.exitCode, run.output).toBe(0);
        expect(run.installed).toEqual(['needed_thing-1.2', 'torch-2.9.0+cu118']);
      });
    });
  });

  describe('without the wheels', () => {
    beforeAll(async () => {
      for (const key of await objects.list('whl/')) if (key.endsWith('.whl')) await objects.remove(key);
    });

    test.skipIf(!havePip())('pip resolves by METADATA alone (needs pip)', async () => {
      const args = ['--dry-run', '--ignore-installed', '--quiet', '--report', '-'];
      const run = await pip(['install', ...args, '--index-url', places['a bare bucket'] ?? '', 'torch']);
      expect(run.exitCode, run.output).toBe(0);
      const { install } = JSON.parse(run.stdout) as {
        readonly install: readonly {
          readonly metadata: { readonly name: string; readonly version: string };
        }[];
      };
      expect(install.map(({ metadata }) => `${metadata.name} ${metadata.version}`).sort()).toEqual([
        'Needed.Thing 1.2',
        'torch 2.10.0+cu118',
      ]);
    });

    test.skipIf(!haveUv()).each(['a bare bucket', 'a bucket behind a CDN'])(
      'uv resolves by METADATA alone from %s, and knows the hashes (needs uv)',
      async (place) => {
        const args = ['pip', 'compile', '--generate-hashes', '--index-url', places[place] ?? '', '-'];
        const run = await uv(args, { input: 'torch\n' });
        expect(run.exitCode, run.output).toBe(0);
        expect(run.stdout).toContain('torch==2.10.0+cu118');
        expect(run.stdout).toContain(`sha256:${wheel('2.10.0+cu118').sha256}`);
        expect(run.stdout).toContain('needed-thing==1.2');
      },
    );
  });
});
