import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  currentFacts,
  decodePrefix,
  decodeShard,
  decodeSplits,
  encodePrefix,
  encodeShard,
  encodeSplits,
  type FileFacts,
  mergeShards,
  missingFacts,
  type PrefixState,
  prefixKey,
  type ShardState,
  shardKey,
  shardOf,
} from '../src/index.ts';

const sha = (digit: string) => digit.repeat(64);
const hex = fc.constantFrom(sha('a'), sha('b'), sha('c'));
const etag = fc.constantFrom('"1"', '"2"', '"3-2"');
const anyFacts: fc.Arbitrary<FileFacts> = fc.record({
  etag,
  sizeBytes: fc.constantFrom(1, 2),
  modifiedAtMs: fc.nat(5),
  uploadedAtMs: fc.nat(5),
  sha256: fc.option(hex),
  hashOrigin: fc.constantFrom('checksum', 'metadata', 'computed', 'none', null),
  metadata: fc.option(fc.record({ etag, sha256: fc.option(hex), requiresPython: fc.option(fc.string()) })),
});
const anyShard: fc.Arbitrary<ShardState> = fc
  .dictionary(fc.constantFrom('whl/a', 'whl/b', '1', '__proto__', 'constructor', 'é'), anyFacts, {
    noNullPrototype: false,
  })
  .map((object) => new Map(Object.entries(object)));

const facts = (changes: Partial<FileFacts> = {}): FileFacts => ({
  etag: '"1"',
  sizeBytes: 10,
  modifiedAtMs: 1_000,
  uploadedAtMs: 1_000,
  sha256: sha('a'),
  hashOrigin: 'checksum',
  metadata: null,
  ...changes,
});
const source = (changes: Partial<FileFacts> = {}) => ({ key: 'whl/a', ...facts(changes) });

const prefixState: PrefixState = {
  fingerprint: sha('f'),
  directories: ['', 'cu118'],
  projects: new Map([
    ['', ['numpy', 'torch']],
    ['cu118', []],
  ]),
  pages: new Map([['whl/torch/index.html', { etag: '"x"', sha256: sha('b') }]]),
};

describe('a document of state', () => {
  test('is read as it was written, and has the same bytes in whatever order', () => {
    fc.assert(
      fc.property(anyShard, (shard) => {
        const bytes = encodeShard(shard);
        expect(decodeShard(bytes)).toEqual({ kind: 'read', value: shard });
        expect(Buffer.from(bytes).equals(encodeShard(new Map([...shard].reverse())))).toBe(true);
      }),
    );
    expect(decodePrefix(encodePrefix(prefixState))).toEqual({ kind: 'read', value: prefixState });
    expect(decodeSplits(encodeSplits(['a', 'b']))).toEqual({ kind: 'read', value: ['a', 'b'] });
  });

  test('has no time and no system in its header', () => {
    expect([...encodeShard(new Map()).subarray(0, 10)]).toEqual([
      0x1f,
      0x8b,
      8,
      0,
      0,
      0,
      0,
      0,
      expect.any(Number),
      255,
    ]);
  });

  const shardWith = (changes: object) =>
    JSON.stringify({ format: 1, files: { 'whl/a': Object.values({ ...facts(), ...changes }) } });

  test.each([
    ['', 'is not gzip'],
    ['{', 'it is not JSON'],
    ['[]', 'format 1'],
    ['{"format":2,"files":{}}', 'format 1'],
    ['{"format":1}', 'lacks a mapping'],
    ['{"format":1,"files":[]}', 'lacks a mapping'],
    ['{"format":1,"files":{},"files":{}}', 'it is not JSON'],
    ['{"format":1,"files":{"../x":[]}}', 'no object can have'],
    ['{"format":1,"files":{"a":[1]}}', 'list of 7'],
    [`{"format":1,"files":{"a":${'['.repeat(50)}${']'.repeat(50)}}}`, 'it is not JSON'],
    [shardWith({ etag: 1 }), 'lacks a text'],
    [shardWith({ etag: 'x'.repeat(2_001) }), 'lacks a text'],
    [shardWith({ sizeBytes: -1 }), 'whole number'],
    [shardWith({ modifiedAtMs: 1.5 }), 'whole number'],
    [shardWith({ uploadedAtMs: '1' }), 'whole number'],
    [shardWith({ sha256: sha('A') }), 'SHA-256'],
    [shardWith({ hashOrigin: 'rumour' }), 'origin'],
    [shardWith({ metadata: ['"1"', 'x', null] }), 'SHA-256'],
    [shardWith({ metadata: ['"1"', null] }), 'list of 3'],
  ])('%s is damaged (I8)', (text, reason) => {
    const bytes = text === '' ? Buffer.from('x') : gzipSync(text);
    expect(decodeShard(bytes)).toEqual({ kind: 'damaged', reason: expect.stringContaining(reason) });
  });

  test('that unpacks to more than memory should hold is damaged (I8)', () => {
    const bomb = gzipSync(Buffer.alloc(2 ** 26 + 1, 0x20), { level: 1 });
    expect(decodeShard(bomb)).toEqual({ kind: 'damaged', reason: expect.stringContaining('67108864') });
    expect(decodeShard(Buffer.alloc(2 ** 25 + 1))).toHaveProperty('kind', 'damaged');
  });

  test('of any bytes, and cut or changed anywhere, is read or damaged, and never thrown at (I8)', () => {
    const text = gunzipSync(
      encodeShard(
        new Map([['whl/a', facts({ metadata: { etag: 'x', sha256: null, requiresPython: '>=3' } })]]),
      ),
    );
    fc.assert(
      fc.property(
        fc.nat(text.length - 1),
        fc.uint8Array({ maxLength: 4 }),
        fc.nat(4),
        (at, bytes, removed) => {
          const changed = Buffer.concat([text.subarray(0, at), bytes, text.subarray(at + removed)]);
          expect(decodeShard(gzipSync(changed)).kind).toMatch(/^(?:read|damaged)$/);
          expect(decodePrefix(gzipSync(changed))).toHaveProperty('kind', 'damaged');
        },
      ),
    );
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(decodeShard(bytes)).toHaveProperty('kind', 'damaged');
      }),
    );
  });

  test('of a prefix needs directories that are paths', () => {
    const written = JSON.parse(gunzipSync(encodePrefix(prefixState)).toString()) as Record<string, unknown>;
    const damaged = (changes: object) =>
      decodePrefix(gzipSync(JSON.stringify({ ...written, ...changes }))).kind;
    expect(damaged({})).toBe('read');
    expect(damaged({ directories: ['..'] })).toBe('damaged');
    expect(damaged({ projects: { '../x': [] } })).toBe('damaged');
    expect(damaged({ fingerprint: 'x' })).toBe('damaged');
    expect(damaged({ pages: { a: ['"x"', 'y'] } })).toBe('damaged');
  });
});

describe('the keys of documents', () => {
  test('are in the directory of Slipway, and no two prefixes share one', () => {
    expect(shardKey(shardOf('torch'))).toBe('.slipway/package-index/files/37.json.gz');
    const pages = [
      '',
      '~',
      '%7E',
      'whl',
      'whl/nightly',
      'whl%2Fnightly',
      'x'.repeat(400),
      `${'x'.repeat(399)}y`,
      'é/ü',
    ];
    const keys = pages.map(prefixKey);
    expect(keys[4]).toBe('.slipway/package-index/prefixes/whl%2Fnightly.json.gz');
    expect(new Set(keys).size).toBe(pages.length);
    for (const key of keys) expect(key.split('/').every((name) => name.length <= 255)).toBe(true);
  });
});

describe('the time of upload', () => {
  test('is that of the store at first sight', () => {
    expect(currentFacts(source({ modifiedAtMs: 7 }), undefined, undefined).uploadedAtMs).toBe(7);
  });

  test.each<[string, Partial<FileFacts>, string | undefined, number]>([
    ['stays for the same object', {}, undefined, 1_000],
    ['stays when the object is copied onto itself', { modifiedAtMs: 9_000 }, undefined, 1_000],
    [
      'stays when a copy has another ETag and the same hash',
      { modifiedAtMs: 9_000, etag: '"2-5"' },
      sha('a'),
      1_000,
    ],
    ['moves with the bytes', { modifiedAtMs: 9_000, etag: '"2"' }, sha('b'), 9_000],
    ['moves if nobody knows the bytes', { modifiedAtMs: 9_000, etag: '"2"' }, undefined, 9_000],
    ['moves with the size', { modifiedAtMs: 9_000, sizeBytes: 11 }, undefined, 9_000],
  ])('%s', (_, changes, sha256, expected) => {
    const answers = sha256 === undefined ? {} : { hash: { sha256, origin: 'checksum' as const } };
    expect(currentFacts(source(changes), undefined, facts(), answers).uploadedAtMs).toBe(expected);
  });

  test('stays when an object without a hash is copied onto itself', () => {
    const known = facts({ sha256: null, hashOrigin: 'none' });
    expect(currentFacts(source({ modifiedAtMs: 9_000 }), undefined, known).uploadedAtMs).toBe(1_000);
  });

  test('moves if neither the old nor the new bytes have a hash', () => {
    const nothing = { hash: { sha256: null, origin: 'none' as const } };
    const known = facts({ sha256: null, hashOrigin: 'none' });
    expect(
      currentFacts(source({ etag: '"2"', modifiedAtMs: 9_000 }), undefined, known, nothing).uploadedAtMs,
    ).toBe(9_000);
  });
});

describe('facts', () => {
  const sibling = { etag: '"m"' };
  const metadata = { etag: '"m"', sha256: sha('c'), requiresPython: '>=3.10' };

  test('are asked for once: also that there is no hash is remembered', () => {
    expect(missingFacts(source(), undefined, undefined)).toEqual({ hash: true, metadata: false });
    expect(missingFacts(source(), undefined, facts())).toEqual({ hash: false, metadata: false });
    expect(missingFacts(source(), undefined, facts({ sha256: null, hashOrigin: 'none' })).hash).toBe(false);
    expect(missingFacts(source(), undefined, facts({ sha256: null, hashOrigin: null })).hash).toBe(true);
    expect(missingFacts(source({ etag: '"2"' }), undefined, facts()).hash).toBe(true);
    expect(missingFacts(source({ sizeBytes: 11 }), undefined, facts()).hash).toBe(true);
    expect(missingFacts(source(), sibling, facts()).metadata).toBe(true);
    expect(missingFacts(source(), sibling, facts({ metadata })).metadata).toBe(false);
    expect(missingFacts(source(), { etag: '"n"' }, facts({ metadata })).metadata).toBe(true);
  });

  test('are of the object that is there now', () => {
    expect(currentFacts(source(), sibling, facts({ metadata }))).toEqual(facts({ metadata }));
    expect(currentFacts(source(), undefined, facts({ metadata })).metadata).toBeNull();
    expect(currentFacts(source(), { etag: '"n"' }, facts({ metadata })).metadata).toBeNull();
    expect(currentFacts(source({ etag: '"2"' }), undefined, facts())).toMatchObject({
      sha256: null,
      hashOrigin: null,
    });
    expect(
      currentFacts(source(), sibling, facts(), { metadata: { sha256: sha('c'), requiresPython: '>=3.10' } })
        .metadata,
    ).toEqual(metadata);
  });
});

describe('facts of two runs at once', () => {
  const none: ShardState = new Map();
  const one = (changes: Partial<FileFacts> = {}): ShardState => new Map([['whl/a', facts(changes)]]);

  test('are all kept', () => {
    const other: ShardState = new Map([['whl/b', facts()]]);
    expect(mergeShards(none, one(), other)).toEqual(new Map([...one(), ...other]));
  });

  test('that one removed stay removed, unless the other knows a new object', () => {
    expect(mergeShards(one(), none, one())).toEqual(none);
    expect(mergeShards(one(), one(), none)).toEqual(none);
    expect(mergeShards(one(), none, one({ etag: '"2"' }))).toEqual(one({ etag: '"2"' }));
  });

  test('are those of the later object', () => {
    const later = one({ etag: '"2"', modifiedAtMs: 2_000, uploadedAtMs: 2_000, sha256: sha('b') });
    expect(mergeShards(one(), later, one())).toEqual(later);
    expect(mergeShards(one(), one(), later)).toEqual(later);
  });

  test('keep the first sight of the same bytes, and every hash', () => {
    const unknown = one({ sha256: null, hashOrigin: null, uploadedAtMs: 500, modifiedAtMs: 2_000 });
    expect(mergeShards(none, unknown, one())).toEqual(one({ uploadedAtMs: 500, modifiedAtMs: 2_000 }));
    const copy = one({ etag: '"9"', modifiedAtMs: 5_000, uploadedAtMs: 5_000 });
    expect(mergeShards(none, copy, one())).toEqual(
      one({ etag: '"9"', modifiedAtMs: 5_000, uploadedAtMs: 1_000 }),
    );
  });

  test('come to the same whoever is first, and to themselves if they are equal', () => {
    fc.assert(
      fc.property(anyShard, anyShard, anyShard, (base, ours, theirs) => {
        expect(mergeShards(base, ours, theirs)).toEqual(mergeShards(base, theirs, ours));
        expect(mergeShards(base, ours, ours)).toEqual(ours);
      }),
      { numRuns: 1_000 },
    );
  });
});
