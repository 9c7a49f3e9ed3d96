import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { CreateBucketCommand, GetObjectCommand } from '@aws-sdk/client-s3';
import { type ObjectStore, systemClock } from '@slipway/core';
import {
  type IndexConfiguration,
  normalizeProjectName,
  parseConfiguration,
  parseProjectPage,
  parseRootPage,
  readConfigurationText,
} from '@slipway/simple-index';
import { openStore } from '@slipway/store';
import { frameworkObjects, haveMinio, type Minio, putFrameworkObjects, startMinio } from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildIndex } from '../src/index.ts';

// The script itself, from a clone of pytorch/test-infra that somebody made: it is no part of this repository.
const root = process.env['TEST_INFRA_ROOT'];
const isThere =
  root !== undefined && existsSync(`${root}/s3_management/manage.py`) && haveMinio() && haveBoto();

function haveBoto(): boolean {
  try {
    execFileSync('python3', ['-c', 'import boto3, packaging'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** What a client reads of a page: files by name, or names. */
type Reading = Readonly<Record<string, unknown>>;

describe.skipIf(!isThere)('beside manage.py (needs TEST_INFRA_ROOT, python3 with boto3, and minio)', () => {
  let minio: Minio;
  beforeAll(async () => {
    minio = await startMinio();
  });
  // It removes all the objects.
  afterAll(() => minio?.stop(), 300_000);

  it.each([
    ['manage', 2_000],
    ['manage', 10_000],
    ['manage_v2', 2_000],
  ])('%s: pages of %i objects read the same', { timeout: 1_800_000 }, async (script, count) => {
    const objects = frameworkObjects(count);
    const ours = await minio.makeBucket();
    // The script has the name of its bucket in it.
    const server = await startMinio();
    try {
      for (const bucket of ['pytorch', 'pytorch-test'])
        await server.client.send(new CreateBucketCommand({ Bucket: bucket }));
      await putFrameworkObjects(server.client, 'pytorch', objects);
      await putFrameworkObjects(minio.client, ours, objects);
      await runScript(server, script);
      const s3 = { settings: minio.settings, credentials: async () => minio.credentials };
      const source = await openStore(`s3://${ours}`, { s3 });
      const configuration = shipped(script.replace('_', '-'));
      const result = await buildIndex({ configuration, source, destinations: [], clock: systemClock });
      expect(result.failures).toEqual([]);
      const theirStore = await openStore('s3://pytorch', {
        s3: { settings: server.settings, credentials: async () => server.credentials },
      });
      const theirs = await readPages(theirStore, server, 'pytorch', configuration);
      const mine = await readPages(source, minio, ours, configuration);
      expect(mine.size).toBeGreaterThan(50);
      expect(Object.fromEntries(mine)).toEqual(Object.fromEntries(theirs));
    } finally {
      await server.stop();
    }
  });
});

/** Runs the script as it is. It asks for checksums as "Enabled": S3 takes that, MinIO only "ENABLED". */
const runner = `
import boto3, runpy, sys
boto3.setup_default_session()
def ask(params, **others):
    params['headers']['x-amz-checksum-mode'] = 'ENABLED'
boto3.DEFAULT_SESSION.events.register('before-call.s3.HeadObject', ask)
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name='__main__')
`;

async function runScript(server: Minio, script: string): Promise<void> {
  await promisify(execFile)('python3', ['-c', runner, `${root}/s3_management/${script}.py`, 'all'], {
    maxBuffer: 2 ** 28,
    env: {
      PATH: process.env['PATH'] ?? '',
      AWS_ENDPOINT_URL: server.endpointUrl,
      AWS_ACCESS_KEY_ID: server.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: server.credentials.secretAccessKey,
      AWS_DEFAULT_REGION: 'us-east-1',
    },
  });
}

/** A shipped configuration, with its pages in the source. */
function shipped(name: string): IndexConfiguration {
  const file = new URL(`../../simple-index/configurations/${name}.yaml`, import.meta.url);
  const text = readConfigurationText(readFileSync(file, 'utf8'));
  if ('problems' in text) throw new Error(text.problems.join('\n'));
  const { destinations: _, source: __, ...rest } = text.value as Record<string, unknown>;
  const result = parseConfiguration(rest);
  if ('problems' in result) throw new Error(result.problems.join('\n'));
  return result.configuration;
}

/** Every page of HTML by its key, as a client reads it. */
async function readPages(
  store: ObjectStore,
  server: Minio,
  bucket: string,
  { prefixes }: IndexConfiguration,
): Promise<ReadonlyMap<string, Reading>> {
  const listings = prefixes.filter(({ kind }) => kind === 'listing').map(({ pages }) => pages);
  const keys: string[] = [];
  for await (const { key } of store.list('')) if (key.endsWith('/index.html')) keys.push(key);
  const directories = new Set(keys.map((key) => key.slice(0, -'/index.html'.length)));
  const pages = new Map<string, Reading>();
  for (const key of keys.sort()) {
    const object = await server.client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    const bytes = await object.Body?.transformToByteArray();
    if (bytes === undefined) throw new Error(`${key} is gone`);
    const directory = key.slice(0, -'/index.html'.length);
    const isListing = listings.some((at) => directory === at || directory.startsWith(`${at}/`));
    pages.set(key, isListing ? readListing(bytes, key) : readPage(bytes, key, directories));
  }
  return pages;
}

function readListing(bytes: Uint8Array, key: string): Reading {
  const links = Buffer.from(bytes)
    .toString()
    .matchAll(/<a href="([^"]*)"/g);
  const urls = [...links].map(([, href = '']) => new URL(href, `https://host/${key}`).href);
  return { urls: urls.sort() };
}

function readPage(bytes: Uint8Array, key: string, directories: ReadonlySet<string>): Reading {
  const source = { bytes, url: `https://host/${key}`, format: 'html' } as const;
  const directory = key.slice(0, -'/index.html'.length);
  const text = Buffer.from(bytes).toString();
  const isProject = /href="[^"]*\.(?:whl|zip|tar\.gz)/.test(text);
  if (isProject) {
    const files = parseProjectPage(source).page?.files ?? [];
    return Object.fromEntries(
      files.map(({ fileName, url, hashes, metadataHashes, requiresPython }) => [
        fileName,
        { url, sha256: hashes.get('sha256'), metadata: metadataHashes?.get('sha256'), requiresPython },
      ]),
    );
  }
  const projects = parseRootPage(source).page?.projects ?? [];
  // The script lists what lies below a directory as projects of it.
  const below = new Set(
    [...directories].flatMap((one) => {
      const [name = '', deeper] = one.startsWith(`${directory}/`)
        ? one.slice(directory.length + 1).split('/')
        : [];
      return deeper === undefined && isSubdirectory(name) ? [name.replaceAll('_', '-')] : [];
    }),
  );
  const isDirectory = (name: string) => below.has(name.replaceAll('_', '-'));
  const names = projects.filter((name) => !isDirectory(name)).map(normalizeProjectName);
  return { projects: names.sort() };
}

function isSubdirectory(name: string): boolean {
  return /^(?:cu\d|rocm\d|cpu|xpu|nightly|test|variant|preview|forge|archive|lts)/.test(name);
}
