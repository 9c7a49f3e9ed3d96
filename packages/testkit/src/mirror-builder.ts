import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  blobKey,
  findRecord,
  formatKeyIndex,
  historyKey,
  type IndexLineage,
  indexManifestKey,
  indexNameOf,
  keyIndexManifestKey,
  keyManifestKey,
  layoutDocument,
  layoutKey,
  mediaTypes,
  NodeMemo,
  PackageIndex,
  parseKeyIndex,
  type SpecNode,
  singleBlobManifest,
} from '@slipway/spack-buildcache';
import type { TestSigner } from './clear-sign.ts';
import { copyOfSpackFixture } from './fixtures.ts';
import {
  listSpecManifests,
  readManifest,
  readManifestText,
  readObject,
  readSpecJson,
  requiredRecord,
  writeBlob,
  writeManifest,
  writeObject,
} from './mirror-files.ts';
import { addEntry, type SyntheticEntry } from './synthetic-entry.ts';

/** A public key as a mirror stores it. */
export interface MirrorKey {
  /** 40 upper-case hex digits. */
  readonly fingerprint: string;
  readonly publicArmored: string;
}

export interface HonestMirror {
  readonly directory: string;
  /** Two packages of the same name and version with different DAG hashes. */
  readonly twins: readonly [SyntheticEntry, SyntheticEntry];
}

/**
 * An honest staged buildcache: the five packages of the fixture and two synthetic twins, without an
 * index. With a key every manifest is clear-signed, and the key is in the mirror's key list.
 */
export async function stageHonestMirror(key?: MirrorKey & TestSigner): Promise<HonestMirror> {
  const directory = copyOfSpackFixture('v3-unsigned');
  const pointer = readManifest(directory, indexManifestKey(undefined));
  rmSync(join(directory, blobKey(requiredRecord(pointer, mediaTypes.index).checksum)));
  rmSync(join(directory, 'v3/manifests/index'), { recursive: true });
  writeObject(directory, layoutKey, layoutDocument);
  const twins = [
    await addEntry(directory, { name: 'twin', parameters: { shared: true } }),
    await addEntry(directory, { name: 'twin', parameters: { shared: false } }),
  ] as const;
  if (key !== undefined) {
    await signManifests(directory, key);
    await addKeys(directory, [key]);
  }
  return { directory, twins };
}

/** Clear-signs spec manifests (all, or those named) over any signature they have. */
export async function signManifests(
  directory: string,
  signer: TestSigner,
  keys: readonly string[] = listSpecManifests(directory),
): Promise<void> {
  for (const key of keys) await writeManifest(directory, key, readManifestText(directory, key), signer);
}

/** Adds public keys to the key list of a mirror: blob, key manifest, key index. All unsigned, as Spack writes them. */
export async function addKeys(directory: string, keys: readonly MirrorKey[]): Promise<void> {
  const fingerprints = new Set<string>();
  if (existsSync(join(directory, keyIndexManifestKey))) {
    const old = requiredRecord(readManifest(directory, keyIndexManifestKey), mediaTypes.keyIndex);
    for (const known of parseKeyIndex(readObject(directory, blobKey(old.checksum)))) fingerprints.add(known);
    rmSync(join(directory, blobKey(old.checksum)));
  }
  for (const { fingerprint, publicArmored } of keys) {
    fingerprints.add(fingerprint);
    const blob = writeBlob(
      directory,
      Buffer.from(publicArmored.replaceAll('\r\n', '\n')),
      mediaTypes.key,
      'none',
    );
    const manifest = singleBlobManifest(mediaTypes.key, blob.contentLength, blob.checksum);
    await writeManifest(directory, keyManifestKey(fingerprint), manifest);
  }
  await writeKeyIndex(directory, fingerprints);
}

/** Writes the key index and the pointer to it. */
export async function writeKeyIndex(directory: string, fingerprints: Iterable<string>): Promise<void> {
  const body = Buffer.from(formatKeyIndex(fingerprints));
  const blob = writeBlob(directory, body, mediaTypes.keyIndex, 'none');
  const manifest = singleBlobManifest(mediaTypes.keyIndex, blob.contentLength, blob.checksum);
  await writeManifest(directory, keyIndexManifestKey, manifest);
}

/** The index of everything in a directory, as `spack buildcache update-index` makes it. */
export function indexOf(directory: string, isMember: (hash: string) => boolean = () => true): PackageIndex {
  const memo = new NodeMemo();
  const nodes = new Map<string, SpecNode>();
  const index = new PackageIndex();
  for (const key of listSpecManifests(directory)) {
    const document = memo.read(Buffer.from(readSpecJson(directory, key)));
    for (const node of document.fresh) nodes.set(node.hash, node);
    if (isMember(document.root.hash)) index.addEntry(document.root.hash, (hash) => nodes.get(hash));
  }
  return index;
}

export interface PublishOptions {
  readonly view?: string | undefined;
  /** Signs the pointer; Spack leaves it unsigned. */
  readonly signer?: TestSigner | undefined;
  /** `slipway`: numbered, every pointer kept under the history; `none`: as Spack. Default `slipway`. */
  readonly lineage?: 'slipway' | 'none';
  /** The name of the mirror, if it has none yet. */
  readonly mirrorId?: string | undefined;
  /** What to publish instead of the true index of the directory. */
  readonly index?: PackageIndex | Uint8Array;
}

/** Publishes an index by hand: the blob, the pointer, a copy of it in the history. Returns the SHA-256 of the blob. */
export async function publishByHand(directory: string, options: PublishOptions = {}): Promise<string> {
  const { view, signer, lineage = 'slipway', index = indexOf(directory) } = options;
  const body = index instanceof PackageIndex ? index.toBytes() : index;
  const blob = writeBlob(directory, body, mediaTypes.index, 'none');
  const key = indexManifestKey(view);
  const next = lineage === 'none' ? undefined : nextLineage(directory, options);
  const manifest = singleBlobManifest(mediaTypes.index, blob.contentLength, blob.checksum, next);
  await writeManifest(directory, key, manifest, signer);
  if (next !== undefined) {
    const kept = historyKey(view, next.generation, blob.checksum, signer !== undefined);
    writeObject(directory, kept, readObject(directory, key));
  }
  return blob.checksum;
}

/** The name of mirrors that are published by hand. */
const mirrorIdByHand = '0123456789abcdef'.repeat(2);

function nextLineage(directory: string, { view, mirrorId }: PublishOptions): IndexLineage {
  const [main, replaced] = [undefined, view].map((name) => {
    const key = indexManifestKey(name);
    return existsSync(join(directory, key)) ? readManifest(directory, key) : undefined;
  });
  const mirror = main?.lineage?.mirror ?? mirrorId ?? mirrorIdByHand;
  const generation = (replaced?.lineage?.generation ?? 0) + 1;
  const previous = replaced && findRecord(replaced, mediaTypes.index)?.checksum;
  return { generation, index: indexNameOf(view), mirror, previous };
}
