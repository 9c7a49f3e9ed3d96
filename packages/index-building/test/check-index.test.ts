import { createHash } from 'node:crypto';
import { type ObjectStore, silentProgress, systemClock } from '@slipway/core';
import { indexFindingSeverities } from '@slipway/simple-index';
import { openStore } from '@slipway/store';
import { honestPackageIndex, packageIndexAttacks, storedIndex, temporaryDirectory } from '@slipway/testkit';
import { describe, expect, it } from 'vitest';
import {
  type CheckHttp,
  type CheckInput,
  type CheckOptions,
  type CheckRequest,
  checkIndex,
} from '../src/index.ts';

const directories = ['whl', 'whl/cu118'];
const base = 'https://index.example/';

/** Answers with the objects of an index, as a bucket behind a CDN does. */
function serve(stored: ReadonlyMap<string, Uint8Array>, sent: CheckRequest[] = []): CheckHttp {
  return async (request) => {
    sent.push(request);
    const { url, method, headers } = request;
    const path = decodeURIComponent(url.pathname.slice(1));
    const wantsJson = headers['accept']?.includes('json') === true;
    const key = path === '' || path.endsWith('/') ? `${path}index.${wantsJson ? 'json' : 'html'}` : path;
    const found = url.origin === new URL(base).origin ? stored.get(key) : undefined;
    if (found === undefined) return { status: 404, headers: {}, body: bodyOf() };
    const range = /^bytes=(\d+)-(\d+)$/.exec(headers['range'] ?? '');
    const part = range === null ? found : found.subarray(Number(range[1]), Number(range[2]) + 1);
    return {
      status: range === null ? 200 : 206,
      headers: {
        'content-length': String(part.length),
        'content-type': key.endsWith('.json')
          ? 'application/vnd.pypi.simple.v1+json'
          : 'text/html; charset=utf-8',
      },
      body: method === 'HEAD' ? bodyOf() : bodyOf(part),
    };
  };
}

async function* bodyOf(...chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

async function storeOf(stored: ReadonlyMap<string, Uint8Array>): Promise<ObjectStore> {
  const store = await openStore(`file://${temporaryDirectory()}`);
  for (const [key, bytes] of stored) {
    await store.write(
      key,
      { kind: 'bytes', bytes },
      {
        condition: 'any',
        contentType: 'application/octet-stream',
        cache: 'document',
        sha256: createHash('sha256').update(bytes).digest('hex'),
      },
    );
  }
  return store;
}

const ports = { clock: systemClock, progress: silentProgress };

function check(index: CheckInput['index'], options: CheckOptions = {}, http: CheckHttp = serve(new Map())) {
  return checkIndex({ index, http, ...ports }, { directories, sample: 'all', ...options });
}

const places: readonly (readonly [
  string,
  (stored: ReadonlyMap<string, Uint8Array>, options?: CheckOptions) => ReturnType<typeof checkIndex>,
])[] = [
  ['in a store', async (stored, options) => check({ kind: 'store', store: await storeOf(stored) }, options)],
  ['at a URL', (stored, options) => check({ kind: 'url', url: base }, options, serve(stored))],
];

describe.each(places)('an index %s', (_, checkStored) => {
  it('that is honest has no findings', async () => {
    const result = await checkStored(storedIndex(await honestPackageIndex()));
    expect(result.findings).toEqual([]);
    expect(result).toMatchObject({
      isComplete: true,
      directories: 2,
      projects: 2,
      pages: 10,
      files: 4,
      filesFound: 4,
      filesRead: 4,
      metadataRead: 4,
    });
  });

  it.each(packageIndexAttacks)('is found out: $name', async ({ code, apply }) => {
    const model = await honestPackageIndex();
    await apply(model);
    const result = await checkStored(storedIndex(model));
    expect(result.findings.map((found) => found.code)).toContain(code);
    expect(result.isComplete).toBe(true);
  });
});

describe('findings of checks', () => {
  it('have an attack each, or a test here', () => {
    const attacked = new Set(packageIndexAttacks.map(({ code }) => code));
    const here = ['page-content-type', 'page-link-unchecked', 'page-check-incomplete'];
    const codes = Object.keys(indexFindingSeverities);
    const own = codes.slice(codes.indexOf('page-missing'), codes.indexOf('page-check-incomplete') + 1);
    expect(own.filter((code) => !attacked.has(code) && !here.includes(code))).toEqual([]);
  });
});
