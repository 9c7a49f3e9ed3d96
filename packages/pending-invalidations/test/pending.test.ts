import { hash } from 'node:crypto';
import { pathToFileURL } from 'node:url';
import { type Clock, type ObjectStore, systemClock } from '@slipway/core';
import { openStore } from '@slipway/store';
import { temporaryDirectory } from '@slipway/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  everyPath,
  forgetProven,
  formatPending,
  isRecordDamaged,
  maxPendingPaths,
  parsePending,
  pathDigest,
  pathsToHandOn,
  pendingInvalidationsKey,
  pendingNotice,
  publishLivesMs,
  readPending,
  rememberReplacements,
} from '../src/index.ts';

const everything = '/site/*';

function clockAt(nowMs: number): Clock {
  return { ...systemClock, nowMs: () => nowMs };
}

function destination(): Promise<ObjectStore> {
  return openStore(pathToFileURL(temporaryDirectory('destination')).href, {});
}

function remember(store: ObjectStore, paths: readonly string[], { areOpen = true, nowMs = 1_000 } = {}) {
  const replaced = areOpen ? { paths } : { paths: [], hiddenPaths: paths };
  return rememberReplacements(store, { ...replaced, everything }, clockAt(nowMs));
}

/** As after an invalidation of some paths that began in the state of the destination that `readPending` returned. */
async function prove(store: ObjectStore, paths: readonly string[], nowMs = 1_000): Promise<void> {
  const seen = await readPending(store);
  await forgetProven(store, seen, provenOf(paths), nowMs, clockAt(nowMs));
}

function provenOf(paths: readonly string[]) {
  const digests = new Set(paths.map(pathDigest));
  return {
    path: (path: string) => paths.includes(path),
    digest: (digest: string) => digests.has(digest),
  };
}

async function handedOn(store: ObjectStore, known: readonly string[] = []): Promise<readonly string[]> {
  return pathsToHandOn(await readPending(store), () => known);
}

describe('what a publish replaces', () => {
  it.each([true, false])('is passed on until its invalidation is proven (open: %s)', async (areOpen) => {
    const store = await destination();
    expect(await handedOn(store)).toEqual([]);
    const paths = ['/a', '/b%20c'];
    const remembered = await remember(store, paths, { areOpen });
    expect(await handedOn(store, ['/z', ...paths])).toEqual(paths);
    await remembered.complete();
    expect(await handedOn(store, paths)).toEqual(paths);
    await prove(store, ['/a']);
    expect(await handedOn(store, paths)).toEqual(['/b%20c']);
    await prove(store, paths);
    expect(await handedOn(store, paths)).toEqual([]);
  });

  it('is everything if a path kept as a digest is unknown', async () => {
    const store = await destination();
    await remember(store, ['/gone', '/here'], { areOpen: false });
    expect(await handedOn(store, ['/here'])).toEqual([everyPath, '/here']);
  });

  it('is one wildcard if it is too much', async () => {
    const store = await destination();
    const many = Array.from({ length: maxPendingPaths + 1 }, (_, index) => `/${index}`);
    await remember(store, many);
    expect(await handedOn(store)).toEqual([everything]);
  });

  it('stays pending while its publish is active: an invalidation does not cover later replacements', async () => {
    const store = await destination();
    const remembered = await remember(store, ['/a']);
    await prove(store, ['/a']);
    expect(await handedOn(store)).toEqual(['/a']);
    await remembered.complete();
    await prove(store, ['/a']);
    expect(await handedOn(store)).toEqual([]);
  });

  it('stays pending when it is replaced again between the invalidation and its proof', async () => {
    const store = await destination();
    await (await remember(store, ['/a', '/b'])).complete();
    const seen = await readPending(store);
    await (await remember(store, ['/a'])).complete();
    await forgetProven(store, seen, provenOf(['/a', '/b']), 1_000, systemClock);
    expect(await handedOn(store)).toEqual(['/a']);
  });

  it('can be proven for a publish that must be dead by now, and one that is still alive records it again', async () => {
    const store = await destination();
    const slow = await remember(store, ['/a']);
    await prove(store, ['/a'], 1_000 + publishLivesMs);
    expect(await handedOn(store)).toEqual(['/a']);
    await prove(store, ['/a'], 1_001 + publishLivesMs);
    expect(await handedOn(store)).toEqual([]);
    await slow.complete();
    expect(await handedOn(store)).toEqual(['/a']);
  });

  it('I3: is never lost to another publish at the same time', async () => {
    const store = await destination();
    const names = Array.from({ length: 12 }, (_, index) => `/p${String(index).padStart(2, '0')}`);
    await Promise.all(names.map(async (name) => (await remember(store, [name])).complete()));
    expect(await handedOn(store)).toEqual(names);
  });

  it('stays bounded, however many publishes are never proven', async () => {
    const store = await destination();
    for (let index = 0; index < 130; index += 1) await remember(store, [`/${index}`, `/x${index}`]);
    expect((await readPending(store)).length).toBeLessThanOrEqual(102);
    expect(await handedOn(store)).toContain(everyPath);
  });

  it('is nothing if nothing is replaced: no object is stored', async () => {
    const store = await destination();
    await (await remember(store, [])).complete();
    expect(await store.read(pendingInvalidationsKey, { maxBytes: 1_000 })).toBeUndefined();
  });
});

describe('the document', () => {
  const path = fc
    .array(fc.stringMatching(/^[\w.~-]{1,12}$/), { minLength: 1, maxLength: 4 })
    .map((names) => `/${names.join('/')}`);
  const publish = fc.record({
    id: fc.stringMatching(/^[0-9a-f]{16}$/),
    beganAtMs: fc.nat(),
    isComplete: fc.boolean(),
    paths: fc.array(path, { maxLength: 5 }),
    digests: fc.array(path.map(pathDigest), { maxLength: 5 }),
  });

  it('is read as it was written', () => {
    fc.assert(
      fc.property(fc.array(publish, { maxLength: 6 }), (publishes) => {
        expect(parsePending(formatPending(publishes))).toEqual(publishes);
      }),
    );
  });

  it('is told apart if it is damaged, and mended once everything is proven', async () => {
    const store = await destination();
    const put = (text: string) =>
      store.write(
        pendingInvalidationsKey,
        { kind: 'bytes', bytes: Buffer.from(text) },
        { condition: 'any', contentType: 'application/json', cache: 'pointer', sha256: hash('sha256', text) },
      );
    expect(await isRecordDamaged(store)).toBe(false);
    await remember(store, ['/a']);
    expect(await isRecordDamaged(store)).toBe(false);
    await put('{"version":2}');
    expect(await isRecordDamaged(store)).toBe(false);
    await put(' '.repeat(32 * 2 ** 20 + 1));
    expect(await isRecordDamaged(store)).toBe(true);
    await put('{"version":1}');
    expect(await isRecordDamaged(store)).toBe(true);
    await prove(store, [everyPath]);
    expect(await isRecordDamaged(store)).toBe(false);
    expect(await readPending(store)).toEqual([]);
  });

  it('I8: if damaged or forged, means that everything is pending, and only ever contains paths', () => {
    const forged = (paths: readonly string[]) =>
      Buffer.from(
        JSON.stringify({
          version: 1,
          publishes: [{ id: '0123456789abcdef', beganAtMs: 1, isComplete: true, paths, digests: [] }],
        }),
      );
    const documents = [
      Buffer.from(''),
      Buffer.from('{'),
      Buffer.alloc(100, 0xff),
      Buffer.from('[]'),
      Buffer.from('{"version":1}'),
      Buffer.from(`${'['.repeat(100)}`),
      forged(['/a\n::add-mask::x']),
      forged(['a']),
      forged(['/a*b']),
      forged(['/%zz']),
      forged(['/a?b']),
    ];
    for (const document of documents) {
      expect(pathsToHandOn(parsePending(document), () => [])).toEqual([everyPath]);
    }
  });

  it('from a later version is refused, and not replaced', async () => {
    const store = await destination();
    const bytes = Buffer.from('{"version":2}');
    await store.write(
      pendingInvalidationsKey,
      { kind: 'bytes', bytes },
      {
        condition: 'absent',
        contentType: 'application/json',
        cache: 'pointer',
        sha256: hash('sha256', bytes),
      },
    );
    await expect(remember(store, ['/a'])).rejects.toMatchObject({ code: 'not-supported' });
  });

  it('contains no path that it keeps as a digest', async () => {
    const store = await destination();
    await (await remember(store, ['/secret/page.html'], { areOpen: false })).complete();
    const stored = await store.read(pendingInvalidationsKey, { maxBytes: 10_000 });
    expect(Buffer.from(stored?.body ?? []).toString()).not.toMatch(/secret|page/);
  });
});

describe('too much to record separately', () => {
  it('is everything until that is proven, whatever the publish that exceeded the limit records', async () => {
    const store = await destination();
    const many = (prefix: string, count: number): string[] =>
      Array.from({ length: count }, (_, index) => `/${prefix}${index}`);
    await (await remember(store, many('a', 2_000), { areOpen: false })).complete();
    await (await remember(store, many('b', 1_500), { areOpen: false })).complete();
    expect(await handedOn(store, many('b', 1_500))).toContain(everyPath);
    await prove(store, many('b', 1_500));
    expect(await handedOn(store)).toEqual([everyPath]);
    await prove(store, [everyPath]);
    expect(await handedOn(store)).toEqual([]);
  });

  it('is everything after too many publishes', async () => {
    const store = await destination();
    for (let index = 0; index <= 101; index += 1)
      await (await remember(store, [`/of-${index}`], { areOpen: false })).complete();
    expect(await handedOn(store, ['/of-101'])).toContain(everyPath);
  });

  it('is everything while publishes are active, each of which records its end', async () => {
    const store = await destination();
    const first = await remember(store, ['/first'], { areOpen: false });
    const second = await remember(
      store,
      Array.from({ length: maxPendingPaths }, (_, index) => `/p${index}`),
    );
    await first.complete();
    await second.complete();
    const publishes = await readPending(store);
    expect(publishes.filter(({ isComplete }) => !isComplete)).toEqual([]);
    expect(await handedOn(store)).toContain(everyPath);
  });
});

describe('the notice about pending paths', () => {
  it('counts paths, and explains why it is everything, naming the document', () => {
    expect(pendingNotice(['/a', '/b'])).toContain('invalidation-paths includes 2 paths of earlier runs');
    const everything = pendingNotice([everyPath, '/a']);
    expect(everything).toContain('invalidation-paths is /*, because');
    expect(everything).toContain(pendingInvalidationsKey);
  });
});
