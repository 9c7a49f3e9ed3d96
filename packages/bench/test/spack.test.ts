import { execFileSync } from 'node:child_process';
import { opendirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import {
  blobKey,
  findRecord,
  indexManifestKey,
  mediaTypes,
  NodeMemo,
  PackageIndex,
  parseManifest,
  type SpecNode,
  specManifestPrefix,
} from '@slipway/spack-buildcache';
import { temporaryDirectory } from '@slipway/testkit';
import { describe, expect, it } from 'vitest';
import { generateMirror } from '../src/mirror.ts';

const spackRoot = process.env['SPACK_ROOT'];

function readRecord(
  mirror: string,
  manifestKey: string,
  mediaType: Parameters<typeof findRecord>[1],
): Buffer {
  const manifest = parseManifest(readFileSync(join(mirror, manifestKey), 'utf8'));
  return readFileSync(join(mirror, blobKey(findRecord(manifest, mediaType)?.checksum ?? 'no such record')));
}

const readIndex = (mirror: string): Buffer =>
  readRecord(mirror, indexManifestKey(undefined), mediaTypes.index);

/** Names in the order of the file system, in which Spack reads manifests. */
function namesIn(directory: string): string[] {
  const names: string[] = [];
  const listing = opendirSync(directory);
  for (let entry = listing.readSync(); entry !== null; entry = listing.readSync()) names.push(entry.name);
  listing.closeSync();
  return names;
}

/** The index of a mirror, with manifests in the order of the file system. */
function indexInListedOrder(mirror: string): Buffer {
  const memo = new NodeMemo();
  const nodes = new Map<string, SpecNode>();
  const index = new PackageIndex();
  const specs = join(mirror, specManifestPrefix);
  for (const name of namesIn(specs)) {
    for (const file of namesIn(join(specs, name))) {
      const blob = readRecord(mirror, `${specManifestPrefix}${name}/${file}`, mediaTypes.spec);
      const document = memo.read(gunzipSync(blob));
      for (const node of document.fresh) nodes.set(node.hash, node);
      index.addEntry(document.root.hash, (hash) => nodes.get(hash));
    }
  }
  return index.toBytes();
}

/** The contents of every record, whatever its position. */
function recordsOf(json: Buffer): Map<string, unknown> {
  const index = PackageIndex.parse(json);
  return new Map(
    [...index.hashes()].sort().map((hash) => [
      hash,
      {
        refCount: index.refCount(hash),
        inBuildcache: index.hasEntry(hash),
        node: Buffer.from(index.nodeJson(hash) ?? []).toString(),
      },
    ]),
  );
}

describe.skipIf(spackRoot === undefined)('real Spack (needs SPACK_ROOT)', () => {
  it('indexes a generated mirror to the same bytes, and the same records as the generated index', async () => {
    const mirror = join(temporaryDirectory('bench-spack'), 'mirror');
    await generateMirror({
      directory: mirror,
      entryCount: 200,
      firstEntry: 0,
      seed: 1,
      payloadBytes: 512,
      index: true,
    });
    const generated = readIndex(mirror);
    rmSync(join(mirror, indexManifestKey(undefined)));
    execFileSync(join(spackRoot ?? '', 'bin/spack'), ['buildcache', 'update-index', mirror], {
      stdio: 'pipe',
    });
    const bySpack = readIndex(mirror);
    expect(bySpack.equals(indexInListedOrder(mirror))).toBe(true);
    expect(recordsOf(generated)).toEqual(recordsOf(bySpack));
  }, 300_000);
});
