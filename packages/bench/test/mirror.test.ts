import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { systemClock } from '@slipway/core';
import { openKeyring, openSigner, parseTrustedKeys } from '@slipway/signing';
import {
  blobKey,
  classifyKey,
  dagHashMatchesContent,
  findRecord,
  indexManifestKey,
  keyManifestKey,
  type Manifest,
  mediaTypes,
  NodeMemo,
  PackageIndex,
  parseManifest,
  runtimeDeptypes,
  type SpecNode,
  specManifestKey,
} from '@slipway/spack-buildcache';
import { makeKey, temporaryDirectory } from '@slipway/testkit';
import { extract } from 'tar-stream';
import { beforeAll, describe, expect, it } from 'vitest';
import { Environment } from '../src/environment.ts';
import { generateMirror, type MirrorOptions } from '../src/mirror.ts';

const entryCount = 200;

async function generate(options: Partial<MirrorOptions> = {}): Promise<string> {
  const directory = temporaryDirectory('bench');
  await generateMirror({
    directory,
    entryCount,
    firstEntry: 0,
    seed: 1,
    payloadBytes: 1024,
    index: true,
    ...options,
  });
  return directory;
}

const keysOf = (mirror: string): string[] =>
  readdirSync(mirror, { recursive: true, encoding: 'utf8' })
    .filter((key) => statSync(join(mirror, key)).isFile())
    .sort();

const specManifestKeys = (mirror: string): string[] =>
  keysOf(mirror).filter((key) => classifyKey(key).kind === 'spec-manifest');

const readManifest = (mirror: string, key: string): Manifest =>
  parseManifest(readFileSync(join(mirror, key), 'utf8'));

const readRecord = (mirror: string, manifest: Manifest, mediaType: Parameters<typeof findRecord>[1]) => {
  const record = findRecord(manifest, mediaType);
  if (record === undefined) throw new Error(`no ${mediaType}`);
  return readFileSync(join(mirror, blobKey(record.checksum)));
};

async function filesOfTarball(tarball: Buffer): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  const archive = extract();
  archive.end(gunzipSync(tarball));
  for await (const entry of archive) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of entry as AsyncIterable<Uint8Array>) chunks.push(chunk);
    if (entry.header.type === 'file') files.set(entry.header.name, Buffer.concat(chunks));
  }
  return files;
}

describe('the environment that mirrors are made from', () => {
  it('keeps its external nodes in every copy, and gives all others hashes of their own', () => {
    const environment = Environment.read();
    const [first, second] = [environment.copy(0, 1), environment.copy(1, 1)];
    expect(environment.packages).toHaveLength(154);
    expect(first.nodes).toHaveLength(157);
    // External nodes are copied as they are, so their recomputed hash is Spack's own.
    expect(first.nodes.filter((node) => node.external).map((node) => node.hash)).toContain(
      'qggmgd43aeio7nlqwjdua7qykkygiboj',
    );
    const inSecond = new Set(second.nodes.map((node) => node.hash));
    expect(first.nodes.filter((node) => inSecond.has(node.hash))).toHaveLength(3);
  });
});

describe('a generated mirror', () => {
  let mirror: string;
  const nodes = new Map<string, SpecNode>();

  beforeAll(async () => {
    mirror = await generate();
  });

  it('has the requested number of entries, and nothing that does not belong in a mirror', () => {
    expect(specManifestKeys(mirror)).toHaveLength(entryCount);
    expect(keysOf(mirror).filter((key) => classifyKey(key).kind === 'unknown')).toEqual([]);
  });

  it('has blobs of the size and SHA-256 that their names and manifests say', () => {
    for (const key of keysOf(mirror)) {
      const classified = classifyKey(key);
      if (classified.kind === 'blob') {
        const bytes = readFileSync(join(mirror, key));
        expect(createHash('sha256').update(bytes).digest('hex')).toBe(classified.sha256);
      }
      if (classified.kind !== 'spec-manifest' && classified.kind !== 'index-manifest') continue;
      for (const record of readManifest(mirror, key).data) {
        expect(statSync(join(mirror, blobKey(record.checksum))).size).toBe(record.contentLength);
      }
    }
  });

  it('has specs whose DAG hashes are the hashes of their content, under the names Spack looks for', () => {
    const memo = new NodeMemo();
    for (const key of specManifestKeys(mirror)) {
      const document = memo.read(gunzipSync(readRecord(mirror, readManifest(mirror, key), mediaTypes.spec)));
      expect(specManifestKey(document.root)).toBe(key);
      for (const node of document.fresh) {
        expect(dagHashMatchesContent(node), `${node.name}/${node.hash}`).toBe(true);
        nodes.set(node.hash, node);
      }
    }
    expect(nodes.size).toBeGreaterThan(entryCount);
  });

  it('is closed: whatever an entry needs to run is in it, or belongs to the system', () => {
    const present = new Set(nodes.keys());
    const entries = new Set(specManifestKeys(mirror).map((key) => key.slice(-51, -19)));
    expect(entries.size).toBe(entryCount);
    for (const hash of entries) {
      for (const dependency of nodes.get(hash)?.dependencies ?? []) {
        expect(present.has(dependency.hash)).toBe(true);
        if ((dependency.deptypes & runtimeDeptypes) === 0) continue;
        expect(entries.has(dependency.hash) || nodes.get(dependency.hash)?.external === true).toBe(true);
      }
    }
  });

  it('has tarballs that hold the spec they are offered for', async () => {
    const longest = specManifestKeys(mirror).sort((a, b) => b.length - a.length);
    for (const key of [...longest.slice(0, 5), ...longest.slice(-5)]) {
      const manifest = readManifest(mirror, key);
      const document = new NodeMemo().read(gunzipSync(readRecord(mirror, manifest, mediaTypes.spec)));
      const files = await filesOfTarball(readRecord(mirror, manifest, mediaTypes.tarball));
      const { root } = document;
      const [platform] = [...files.keys()].map((path) => path.split('/')[2]);
      const prefix = `opt/spack/${platform}/${root.name}-${root.version}-${root.hash}`;
      const spec = files.get(`${prefix}/.spack/spec.json`);
      expect(new NodeMemo().read(spec ?? Buffer.alloc(0)).hashes).toEqual(document.hashes);
      expect(files.get(`${prefix}/bin/${root.name}`)).toHaveLength(1024);
    }
  });

  it('has an index of exactly its entries, every node in the bytes of its spec', () => {
    const manifest = readManifest(mirror, indexManifestKey(undefined));
    const index = PackageIndex.parse(readRecord(mirror, manifest, mediaTypes.index));
    expect([...index.entries()].sort()).toEqual(
      specManifestKeys(mirror)
        .map((key) => key.slice(-51, -19))
        .sort(),
    );
    expect(index.recordCount).toBe(nodes.size);
    const dependents = new Map<string, number>();
    for (const node of nodes.values()) {
      for (const { hash } of node.dependencies) dependents.set(hash, (dependents.get(hash) ?? 0) + 1);
    }
    for (const [hash, node] of nodes) {
      expect(Buffer.from(index.nodeJson(hash) ?? []).equals(node.json)).toBe(true);
      expect(index.refCount(hash)).toBe(dependents.get(hash) ?? 0);
    }
  });
});

describe('generating', () => {
  it('produces the same bytes for the same options, and others for another seed', async () => {
    const [first, again, other] = await Promise.all([
      generate({ entryCount: 20 }),
      generate({ entryCount: 20 }),
      generate({ entryCount: 20, seed: 2 }),
    ]);
    expect(keysOf(again)).toEqual(keysOf(first));
    for (const key of keysOf(first)) {
      expect(readFileSync(join(again, key)).equals(readFileSync(join(first, key))), key).toBe(true);
    }
    expect(specManifestKeys(other).filter((key) => specManifestKeys(first).includes(key))).toEqual([]);
  });

  it('continues the series where it should, across copies', async () => {
    const [whole, head, tail] = await Promise.all([
      generate({ entryCount: 170 }),
      generate({ entryCount: 140 }),
      generate({ entryCount: 30, firstEntry: 140 }),
    ]);
    expect([...specManifestKeys(head), ...specManifestKeys(tail)].sort()).toEqual(specManifestKeys(whole));
    for (const key of specManifestKeys(tail)) {
      expect(readFileSync(join(tail, key)).equals(readFileSync(join(whole, key)))).toBe(true);
    }
  });

  it('refuses a directory that is not empty', async () => {
    const directory = await generate({ entryCount: 1 });
    await expect(generate({ directory })).rejects.toThrow(/is not empty/);
  });

  it('signs every manifest of a package with the key it stores', async () => {
    const key = await makeKey({ type: 'rsa4096' });
    const signer = await openSigner({
      armoredKey: key.privateArmored,
      passphrase: undefined,
      clock: systemClock,
    });
    const [unsigned, signed] = await Promise.all([
      generate({ entryCount: 10 }),
      generate({ entryCount: 10, signer }),
    ]);
    const stored = readRecord(signed, readManifest(signed, keyManifestKey(key.fingerprint)), mediaTypes.key);
    const keyring = await openKeyring({
      trusted: await parseTrustedKeys(key.fingerprint),
      candidates: [stored],
      clock: systemClock,
    });
    expect(specManifestKeys(signed)).toEqual(specManifestKeys(unsigned));
    for (const manifestKey of specManifestKeys(signed)) {
      const verdict = await keyring.verifyClearSigned(readFileSync(join(signed, manifestKey)));
      expect(verdict).toMatchObject({ ok: true });
      if (!verdict.ok) continue;
      expect(parseManifest(verdict.text)).toEqual(readManifest(unsigned, manifestKey));
    }
  });
});
