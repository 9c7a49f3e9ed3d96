import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { readManifest, requiredRecord, spackFixture, specNode } from '@slipway/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type BlobRecord,
  blobKey,
  classifyKey,
  describesSameNode,
  formatManifest,
  indexMediaType,
  indexRecordsOf,
  isVersion,
  mediaTypes,
  NodeConflictError,
  NodeMemo,
  NodeTable,
  PackageIndex,
  parseManifest,
  parseSpecNode,
  readNewerSpec,
  repeatedVersions,
  specManifestKey,
  specMediaType,
  specRecordsOf,
} from '../src/index.ts';

const base = {
  name: 'demo',
  version: '1.0',
  arch: { platform: 'linux', platform_os: 'debian12', target: 'x86_64' },
  namespace: 'builtin',
  package_hash: 'abc====',
};

interface Node {
  readonly hash: string;
  readonly json: string;
}

const edge = (name: string, { hash }: Node) => ({
  name,
  hash,
  parameters: { deptypes: ['link'], virtuals: [] },
});

/** A node in Spack's order, with its DAG hash. */
function node(
  original: number,
  extra: {
    readonly name?: string;
    readonly provided_virtuals?: readonly string[];
    readonly dependencies?: unknown;
  } = {},
): Node {
  return specNode({ ...base, ...extra, annotations: { original_specfile_version: original } });
}

const spec = (version: number, ...nodes: readonly Node[]): Buffer =>
  Buffer.from(
    `{"spec":{"_meta":{"version":${version}},"nodes":[${nodes.map(({ json }) => json).join(',')}]},"buildcache_layout_version":2}`,
  );

/** A node as Spack 1.3 rewrites it, with the virtuals its recipe provides. */
const withProvided = ({ hash, json }: Node, virtuals: readonly string[]): Node => ({
  hash,
  json: json.replace(
    /,"dependencies"|,"annotations"/,
    (next) => `,"provided_virtuals":${JSON.stringify(virtuals)}${next}`,
  ),
});

describe('versions of packages', () => {
  it.each([
    ['git.feature/x=1.0', 'git.feature_x_1.0'],
    ['git.v1.0+x~1=main', 'git.v1.0+x_1_main'],
    ['git.a..b/c.', 'git.a..b_c.'],
    ['git.größe', 'git.gr__e'],
    ['git.🚀=2', 'git.__2'],
  ])('%s is one, and is named %s in a file name', (version, inFileName) => {
    expect(isVersion(version)).toBe(true);
    const hash = 'a'.repeat(32);
    const key = specManifestKey({ name: 'demo', version, hash });
    expect(key).toBe(`v3/manifests/spec/demo/demo-${inFileName}-${hash}.spec.manifest.json`);
    expect(classifyKey(key)).toMatchObject({ kind: 'spec-manifest', dagHash: hash });
    const text = JSON.stringify({ ...base, version, hash });
    expect(parseSpecNode(Buffer.from(text))).toMatchObject({ version });
  });

  it.each([
    '',
    '.',
    '..',
    '/1',
    '1/',
    'a//b',
    '../a',
    'a/../b',
    'git.../..',
    'a/.',
    'a\\b',
    '1 0',
    '1\n0',
    '1\u0000',
    '1\u202e0',
    '1\u2028',
    '\ud800',
    '1'.repeat(181),
  ])('%j is none', (version) => {
    const text = JSON.stringify({ ...base, version, hash: 'a'.repeat(32) });
    expect(isVersion(version)).toBe(false);
    expect(() => parseSpecNode(Buffer.from(text))).toThrow(expect.objectContaining({ code: 'name-invalid' }));
  });

  it('I8: whatever a version is, its manifest stays in the directory of its package', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (version) => {
        fc.pre(isVersion(version));
        const key = specManifestKey({ name: 'demo', version, hash: 'b'.repeat(32) });
        expect(key.split('/').slice(0, 4)).toEqual(['v3', 'manifests', 'spec', 'demo']);
        expect(key.split('/')).toHaveLength(5);
        expect(Buffer.byteLength(key.split('/')[4] ?? '')).toBeLessThan(256);
        expect(classifyKey(key).kind).toBe('spec-manifest');
      }),
    );
  });
});

describe('manifests with payloads of several versions', () => {
  const record = (mediaType: string, others?: Record<string, unknown>): BlobRecord => ({
    contentLength: 1,
    mediaType,
    compression: 'none',
    checksumAlgorithm: 'sha256',
    checksum: createHash('sha256').update(mediaType).digest('hex'),
    ...(others === undefined ? {} : { others }),
  });

  it('list them newest first, the order in which clients look', () => {
    const data = [indexMediaType(8), indexMediaType(10), mediaTypes.key, indexMediaType(9)].map((type) =>
      record(type),
    );
    const manifest = { version: 3, data };
    expect(indexRecordsOf(manifest).map(({ version }) => version)).toEqual([10, 9, 8]);
    expect(specRecordsOf(manifest)).toEqual([]);
    expect(specRecordsOf({ version: 3, data: [record(specMediaType(6))] })).toMatchObject([{ version: 6 }]);
    expect(repeatedVersions(indexRecordsOf(manifest))).toEqual([]);
    expect(repeatedVersions(indexRecordsOf({ version: 3, data: [...data, ...data] }))).toEqual([10, 9, 8]);
  });

  it('keep unknown payloads byte for byte', () => {
    const text = formatManifest({
      version: 3,
      data: [
        record(indexMediaType(10), { urls: ['a": b', {}], size: 1.5, '": ': null, é: [] }),
        record(indexMediaType(8)),
      ],
    });
    expect(text).toContain('"urls":[\n"a\\": b",\n{}\n]');
    expect(text).toContain('"\\u00e9":[]');
    expect(formatManifest(parseManifest(text))).toBe(text);
  });
});

describe('specs of version 6', () => {
  const lib = node(6, { name: 'lib', provided_virtuals: ['mpi@:3', 'blas'] });
  const app = node(6, { name: 'app', dependencies: [edge('lib', lib)] });

  it('are read, and hashed with the virtuals they provide, in the order written', () => {
    const memo = new NodeMemo(new NodeTable({ expectedNodes: 2 }), 6);
    const document = memo.read(spec(6, app, lib));
    expect(document.root).toMatchObject({ name: 'app', hash: app.hash });
    expect(document.hashes).toEqual([app.hash, lib.hash]);
    expect([0, 1].map((id) => memo.table.hashIsProven(id))).toEqual([true, true]);
    // The second time, it is known by its bytes.
    expect(memo.read(spec(6, app, lib)).fresh).toEqual([]);
    const other = { ...lib, json: lib.json.replace('["mpi@:3","blas"]', '["blas","mpi@:3"]') };
    const unproven = new NodeMemo(new NodeTable({ expectedNodes: 2 }), 6);
    unproven.read(spec(6, other));
    expect(unproven.table.hashIsProven(0)).toBe(false);
  });

  it('must have the version that their media type states', () => {
    const v5 = node(5);
    const refusal = expect.objectContaining({
      code: 'content-invalid',
      message: expect.stringContaining('listed as'),
    });
    expect(() => new NodeMemo().read(spec(6, lib))).toThrow(refusal);
    expect(() => new NodeMemo(new NodeTable({ expectedNodes: 1 }), 6).read(spec(5, v5))).toThrow(refusal);
  });

  it('may have nodes of version 5, with the virtuals that Spack 1.3 adds to them', () => {
    const old = node(5, { name: 'old' });
    const added = withProvided(old, ['zlib-api']);
    const user = node(6, { name: 'user', dependencies: [edge('old', old)] });
    const memo = new NodeMemo(new NodeTable({ expectedNodes: 2 }), 6);
    memo.read(spec(6, user, added));
    expect(memo.table.hashIsProven(memo.table.find(old.hash))).toBe(true);
    // Recipes change, and with them what they say about an old node. The first one counts.
    const again = withProvided(old, ['zlib-api', 'other-api']);
    expect(memo.read(spec(6, again)).hashes).toEqual([old.hash]);
    const { source, start, end } = memo.table.jsonOf(memo.table.find(old.hash));
    expect(source.toString('utf8', start, end)).toBe(added.json);
    // A node of version 6, however, must not change.
    const forged = { ...lib, json: lib.json.replace('blas', 'nlas') };
    memo.read(spec(6, lib));
    expect(() => memo.read(spec(6, forged))).toThrow(NodeConflictError);
  });

  it('are indexed in a database of version 9', () => {
    const memo = new NodeMemo(new NodeTable({ expectedNodes: 2 }), 6);
    const nodes = new Map(memo.read(spec(6, app, lib)).fresh.map((fresh) => [fresh.hash, fresh]));
    const index = new PackageIndex(9);
    index.addEntry(app.hash, (hash) => nodes.get(hash));
    const bytes = index.toBytes();
    expect(bytes.toString()).toBe(
      `{"database":{"version":"9","installs":{"${lib.hash}":{"spec":${lib.json},"ref_count":1,"in_buildcache":false},"${app.hash}":{"spec":${app.json},"ref_count":0,"in_buildcache":true}}}}`,
    );
    expect(PackageIndex.parse(bytes, 9).toBytes().equals(bytes)).toBe(true);
    expect(PackageIndex.parse(bytes, 9).withoutNodes().databaseVersion).toBe(9);
    expect(() => PackageIndex.parse(bytes)).toThrow('not a Spack database of version 8');
    const { index: read, parser } = PackageIndex.reader(memo.table, 9);
    parser.parse(bytes, true);
    expect(read.toBytes().equals(bytes)).toBe(true);
  });
});

describe('specs of a version that is not known yet', () => {
  const root = node(7, { name: 'future' });

  it('tell their name, version and hash', () => {
    const strange = Buffer.from(
      `{"extra":[1],"spec":{"_meta":{"version":7,"x":{}},"nodes":[${root.json.replace('{', '{"new":[[]],')},{"node":"unlike any"}]}}`,
    );
    expect(readNewerSpec(strange, 7)).toEqual({ name: 'future', version: '1.0', hash: root.hash });
  });

  it('I8: are refused if these are missing or not valid names', () => {
    const refused = [
      spec(8, root),
      spec(7),
      Buffer.from('{"spec":{"_meta":{"version":7},"nodes":{}}}'),
      spec(7, { ...root, json: root.json.replace('"future"', '"../x"') }),
      spec(7, { ...root, json: root.json.replace('"1.0"', '["1.0"]') }),
      spec(7, { ...root, json: root.json.replace(root.hash, 'x') }),
      spec(7, { ...root, json: root.json.replace('{', '{"name":"twice",') }),
    ];
    for (const bytes of refused) {
      expect(() => readNewerSpec(bytes, 7), bytes.toString()).toThrow(
        expect.objectContaining({
          code: expect.stringMatching(/^(content-invalid|name-invalid)$/),
        }),
      );
    }
  });
});

describe('nodes of older specfiles', () => {
  const mirror = spackFixture('v4-specs');
  const installs = (json: Buffer): Record<string, { spec: unknown }> =>
    JSON.parse(json.toString()).database.installs;
  const bytesOf = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
  const migrated = installs(readFileSync(spackFixture('v4-index-of-migrate.json')));

  it('are the same nodes in the index of "spack buildcache migrate", which marks every dependency as direct', () => {
    const pointer = requiredRecord(
      readManifest(mirror, 'v3/manifests/index/index.manifest.json'),
      mediaTypes.index,
    );
    const updated = installs(readFileSync(join(mirror, blobKey(pointer.checksum))));
    expect(Object.keys(updated).sort()).toEqual(Object.keys(migrated).sort());
    expect(updated).not.toEqual(migrated);
    for (const [hash, record] of Object.entries(updated)) {
      const other = bytesOf(migrated[hash]?.spec);
      expect(describesSameNode(bytesOf(record.spec), other, 5)).toBe(true);
      expect(describesSameNode(other, bytesOf(record.spec), 5)).toBe(true);
      const changed = Buffer.from(other.toString().replace('"link"', '"run"'));
      if (!changed.equals(other)) expect(describesSameNode(bytesOf(record.spec), changed, 5)).toBe(false);
    }
  });

  it('are recognized in a spec by Spack 1.x of a package that uses them', () => {
    const key = 'v3/manifests/spec/greet/greet-2.0-nq4lhyjwlee4nizr3hfp3bznduzj7hp4.spec.manifest.json';
    const record = requiredRecord(readManifest(mirror, key), mediaTypes.spec);
    const memo = new NodeMemo();
    const old = memo.read(gunzipSync(readFileSync(join(mirror, blobKey(record.checksum)))));
    const nodes = old.hashes.map((hash) => ({ hash, json: JSON.stringify(migrated[hash]?.spec) }));
    const [greet] = nodes;
    if (greet === undefined) throw new Error('no node');
    const user = node(5, { name: 'user', dependencies: [edge('greet', greet)] });
    expect(memo.read(spec(5, user, ...nodes)).hashes).toEqual([user.hash, ...old.hashes]);
    const forged = nodes.map(({ hash, json }) => ({ hash, json: json.replace('"2.0"', '"2.1"') }));
    expect(() => memo.read(spec(5, user, ...forged))).toThrow(NodeConflictError);
  });

  it.each([2, 3])('of version %i become nodes that Spack 1.x can read', (version) => {
    const hash = 'c'.repeat(32);
    const dependency = {
      name: 'lib',
      version: '1',
      compiler: { name: 'gcc', version: '9.3.0' },
      hash: 'd'.repeat(32),
    };
    const text = `{"spec":{"_meta":{"version":${version}},"nodes":[${JSON.stringify({
      name: 'app',
      version: '2',
      arch: { platform: 'linux', platform_os: 'rhel7', target: 'x86_64' },
      compiler: { name: 'gcc', version: '9.3.0' },
      namespace: 'builtin',
      parameters: {},
      package_hash: 'x====',
      dependencies: [
        { name: 'lib', build_hash: 'e'.repeat(32), hash: dependency.hash, type: ['link', 'build'] },
      ],
      hash,
      full_hash: 'f'.repeat(32),
    })},${JSON.stringify(dependency)}]}}`;
    const [app] = new NodeMemo().read(Buffer.from(text)).fresh;
    expect(Buffer.from(app?.json ?? '').toString()).toBe(
      `{"name":"app","version":"2","arch":{"platform":"linux","platform_os":"rhel7","target":"x86_64"},"namespace":"builtin","parameters":{},"package_hash":"x====","dependencies":[{"name":"lib","hash":"${dependency.hash}","parameters":{"deptypes":["build","link"],"virtuals":[]}}],"annotations":{"original_specfile_version":${version},"compiler":"gcc@=9.3.0"},"hash":"${hash}"}`,
    );
  });
});

describe('spliced specs', () => {
  it('end like the hash of the spec that was built', () => {
    const built = node(5, { name: 'lib' });
    const { hash: own, json } = specNode({
      ...base,
      build_spec: { name: 'lib', hash: built.hash },
      annotations: { original_specfile_version: 5 },
    });
    const spliced = `${own.slice(0, 25)}${built.hash.slice(-7)}`;
    const proven = (hash: string): boolean => {
      const memo = new NodeMemo();
      memo.read(spec(5, { hash, json: json.replace(`"hash":"${own}"}`, `"hash":"${hash}"}`) }));
      return memo.table.hashIsProven(0);
    };
    expect(proven(spliced)).toBe(true);
    expect(proven(`${'a'.repeat(25)}${built.hash.slice(-7)}`)).toBe(false);
    expect(proven(`${own.slice(0, 25)}aaaaaaa`)).toBe(false);
  });
});
