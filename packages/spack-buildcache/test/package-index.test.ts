import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { spackFixture } from '@slipway/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  blobKey,
  classifyKey,
  dagHashMatchesContent,
  findRecord,
  formatKeyIndex,
  formatManifest,
  indexManifestKey,
  keyIndexManifestKey,
  mediaTypes,
  NodeMemo,
  PackageIndex,
  parseKeyIndex,
  parseManifest,
  type SpecNode,
  specManifestKey,
} from '../src/index.ts';

const unsigned = (text: string): string =>
  text.startsWith('-----BEGIN')
    ? text.slice(text.indexOf('\n\n') + 2, text.indexOf('\n-----BEGIN PGP SIGNATURE'))
    : text;

const readManifest = (mirror: string, key: string) =>
  parseManifest(unsigned(readFileSync(join(mirror, key), 'utf8')));

const readBlob = (mirror: string, sha256: string | undefined): Buffer =>
  readFileSync(join(mirror, blobKey(sha256 ?? 'no such record')));

/** Like `spack buildcache update-index`: every manifest in order of its path. */
function rebuild(
  mirror: string,
  wanted: (hash: string) => boolean = () => true,
): { index: Buffer; nodes: SpecNode[] } {
  const memo = new NodeMemo();
  const nodes = new Map<string, SpecNode>();
  const index = new PackageIndex();
  const keys = readdirSync(mirror, { recursive: true, encoding: 'utf8' }).sort();
  for (const key of keys) {
    const classified = classifyKey(key);
    if (classified.kind !== 'spec-manifest' || !wanted(classified.dagHash)) continue;
    const manifest = readManifest(mirror, key);
    const document = memo.read(gunzipSync(readBlob(mirror, findRecord(manifest, mediaTypes.spec)?.checksum)));
    for (const node of document.fresh) nodes.set(node.hash, node);
    expect(specManifestKey(document.root)).toBe(key);
    index.addEntry(document.root.hash, (hash) => nodes.get(hash));
  }
  return { index: index.toBytes(), nodes: [...nodes.values()] };
}

const spackIndex = (mirror: string, view?: string): Buffer =>
  readBlob(mirror, findRecord(readManifest(mirror, indexManifestKey(view)), mediaTypes.index)?.checksum);

describe('the package index of the mirrors that Spack wrote', () => {
  it.each(['v3-signed', 'v3-unsigned'] as const)('of %s is rebuilt byte for byte', (name) => {
    const mirror = spackFixture(name);
    expect(rebuild(mirror).index.toString()).toBe(spackIndex(mirror).toString());
  });

  it('of version-4 specfiles is rebuilt byte for byte, except for the order of a directory listing', () => {
    const mirror = spackFixture('v4-specs');
    const records = (bytes: Buffer): unknown => JSON.parse(bytes.toString());
    expect(records(rebuild(mirror).index)).toEqual(records(spackIndex(mirror)));
    expect(rebuild(mirror).index.length).toBe(spackIndex(mirror).length);
  });

  it('of the view "stable" is rebuilt byte for byte from its members', () => {
    const mirror = spackFixture('v3-signed');
    const members = PackageIndex.parse(spackIndex(mirror, 'stable'));
    expect(rebuild(mirror, (hash) => members.hasEntry(hash)).index.toString()).toBe(
      spackIndex(mirror, 'stable').toString(),
    );
  });

  it('survives reading and writing unchanged', () => {
    const bytes = spackIndex(spackFixture('v3-signed'));
    expect(PackageIndex.parse(bytes).toBytes().toString()).toBe(bytes.toString());
  });

  it('has nodes whose DAG hash matches their content', () => {
    const { nodes } = rebuild(spackFixture('v3-signed'));
    expect(nodes.map(dagHashMatchesContent)).toEqual([true, true, true, true, true]);
    const [node] = nodes;
    if (node === undefined) throw new Error('no node');
    const changed = Buffer.from(Buffer.from(node.json).toString().replace('"demo"', '"dem0"'));
    expect(dagHashMatchesContent({ ...node, json: changed })).toBe(false);
  });
});

describe('manifests', () => {
  it.each(['v3-signed', 'v3-unsigned'] as const)(
    'of %s are formatted byte for byte as Spack does',
    (name) => {
      const mirror = spackFixture(name);
      const keys = readdirSync(mirror, { recursive: true, encoding: 'utf8' }).filter((key) =>
        key.endsWith('.manifest.json'),
      );
      expect(keys.length).toBeGreaterThan(4);
      for (const key of keys) {
        const text = unsigned(readFileSync(join(mirror, key), 'utf8'));
        expect(formatManifest(parseManifest(text))).toBe(text);
      }
    },
  );

  it('carry the lineage of an index', () => {
    const lineage = { generation: 7, previous: 'a'.repeat(64), rolledBackTo: 3 };
    const record = {
      contentLength: 5,
      mediaType: mediaTypes.index,
      compression: 'none',
      checksumAlgorithm: 'sha256',
      checksum: 'b'.repeat(64),
    };
    expect(parseManifest(formatManifest({ version: 3, data: [record], lineage })).lineage).toEqual(lineage);
  });

  it('I8: are refused with an expected error, whatever the text is', () => {
    const good = readFileSync(join(spackFixture('v3-unsigned'), indexManifestKey(undefined)), 'utf8');
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.string({ maxLength: 4 }), (position, insertion) => {
        const text = good.slice(0, position) + insertion + good.slice(position + 1);
        try {
          const manifest = parseManifest(text);
          for (const record of manifest.data) expect(record.checksum).toMatch(/^[0-9a-f]{64}$/);
        } catch (error) {
          expect(error).toMatchObject({ code: 'content-invalid' });
        }
      }),
    );
  });
});

describe('key indexes', () => {
  it('are formatted byte for byte as Spack does', () => {
    const mirror = spackFixture('v3-signed');
    const sha256 = findRecord(readManifest(mirror, keyIndexManifestKey), mediaTypes.keyIndex)?.checksum;
    const body = readBlob(mirror, sha256);
    expect(formatKeyIndex(parseKeyIndex(body))).toBe(body.toString());
  });
});

describe('classifyKey', () => {
  it('I8: calls malformed names unknown', () => {
    for (const key of [
      'v3/manifests/spec/a/b-1-bj5hicv5x6lmzdomeqfntjacjmka4up6.spec.manifest.json',
      'v3/manifests/spec/a/../a-1-bj5hicv5x6lmzdomeqfntjacjmka4up6.spec.manifest.json',
      'v3/manifests/spec/a/a-1-BJ5HICV5X6LMZDOMEQFNTJACJMKA4UP6.spec.manifest.json',
      'v3/manifests/spec/a-1-bj5hicv5x6lmzdomeqfntjacjmka4up6.spec.manifest.json',
      'v3/manifests/index/../index.manifest.json',
      'v3/manifests/index/a/b/index.manifest.json',
      `blobs/sha256/00/${'a'.repeat(64)}`,
      `blobs/sha256/aa/${'a'.repeat(63)}`,
      `blobs/sha256/a${'a'.repeat(64)}`,
      'v3/manifests/key/67f2.key.manifest.json',
      'slipway/pending/../../x.json',
    ]) {
      expect(classifyKey(key), key).toEqual({ kind: 'unknown' });
    }
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.string(), (key) => void classifyKey(key)));
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('v3', 'manifests', 'spec', 'index', '..', '', 'a-1'), { maxLength: 6 }),
        (parts) => void classifyKey(parts.join('/')),
      ),
    );
  });
});

/** A random acyclic graph: node i may depend on nodes below i. */
const graphs = fc
  .array(fc.array(fc.nat(), { maxLength: 5 }), { minLength: 1, maxLength: 30 })
  .map((edges) =>
    edges.map((targets, index) =>
      [...new Set(targets.map((target) => target % Math.max(1, index)))].filter(() => index > 0),
    ),
  );

const hashOf = (index: number): string =>
  createHash('sha256')
    .update(String(index))
    .digest('hex')
    .slice(0, 32)
    .replace(/[0189]/g, 'z');

function nodesOf(
  graph: readonly (readonly number[])[],
): Map<string, { hash: string; dependencies: { hash: string; deptypes: number }[]; json: Buffer }> {
  return new Map(
    graph.map((targets, index) => {
      const dependencies = targets.map((target) => ({ hash: hashOf(target), deptypes: 6 }));
      const json = Buffer.from(
        JSON.stringify({
          name: `p${index}`,
          version: '1',
          dependencies: dependencies.map(({ hash }) => ({
            name: 'x',
            hash,
            parameters: { deptypes: ['link'], virtuals: [] },
          })),
          hash: hashOf(index),
        }),
      );
      return [hashOf(index), { hash: hashOf(index), dependencies, json }];
    }),
  );
}

describe('PackageIndex', () => {
  it('counts each edge once, lists dependencies first, and survives a round trip', () => {
    fc.assert(
      fc.property(graphs, fc.array(fc.nat(), { minLength: 1, maxLength: 10 }), (graph, picks) => {
        const nodes = nodesOf(graph);
        const index = new PackageIndex();
        for (const pick of picks) index.addEntry(hashOf(pick % graph.length), (hash) => nodes.get(hash));
        const position = new Map([...index.hashes()].map((hash, at) => [hash, at]));
        const edges = new Map<string, number>();
        for (const hash of index.hashes()) {
          for (const dependency of nodes.get(hash)?.dependencies ?? []) {
            expect(position.get(dependency.hash)).toBeLessThan(position.get(hash) ?? -1);
            edges.set(dependency.hash, (edges.get(dependency.hash) ?? 0) + 1);
          }
        }
        for (const hash of index.hashes()) expect(index.refCount(hash)).toBe(edges.get(hash) ?? 0);
        const bytes = index.toBytes();
        const again = PackageIndex.parse(bytes);
        expect(again.toBytes().equals(bytes)).toBe(true);
        expect([...again.entries()]).toEqual([...index.entries()]);
        expect(() => JSON.parse(bytes.toString())).not.toThrow();
      }),
    );
  });

  it('has no trace of an entry once it is removed', () => {
    fc.assert(
      fc.property(graphs, fc.nat(), fc.nat(), (graph, first, second) => {
        const nodes = nodesOf(graph);
        const kept = hashOf(first % graph.length);
        const removed = hashOf(second % graph.length);
        fc.pre(kept !== removed);
        const index = new PackageIndex();
        index.addEntry(kept, (hash) => nodes.get(hash));
        index.addEntry(removed, (hash) => nodes.get(hash));
        index.removeEntry(removed);
        const alone = new PackageIndex();
        alone.addEntry(kept, (hash) => nodes.get(hash));
        expect(new Set(index.hashes())).toEqual(new Set(alone.hashes()));
        for (const hash of alone.hashes()) expect(index.refCount(hash)).toBe(alone.refCount(hash));
      }),
    );
  });

  it('refuses a record with a field for which Spack refuses the whole index', () => {
    const text = `{"database":{"version":"8","installs":{"${hashOf(1)}":{"spec":{},"ref_count":0,"in_buildcache":true,"x":1}}}}`;
    expect(() => PackageIndex.parse(Buffer.from(text))).toThrow(/field that Spack refuses/);
  });
});
