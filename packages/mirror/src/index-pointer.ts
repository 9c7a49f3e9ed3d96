import { hash as hashOnce } from 'node:crypto';
import type { ObjectStore } from '@slipway/core';
import {
  type BlobRecord,
  blobKey,
  classifyKey,
  formatOfDatabase,
  historyPrefix,
  historyPrefixOf,
  indexManifestKey,
  indexRecordsOf,
  type Manifest,
  maxIndexBytes,
  maxManifestBytes,
  PackageIndex,
  parseManifest,
  repeatedVersions,
  type VersionedRecord,
} from '@slipway/spack-buildcache';
import { parsed, storeFinding } from './entry-findings.ts';
import { type Finding, finding } from './findings.ts';
import { IndexSet } from './index-set.ts';
import { isFinding, openDocument, type SignaturePolicy } from './signature-policy.ts';
import { checkSize, missingBlob, tamperedBlob } from './tarball.ts';

/** The pointer to a package index at one moment. */
export interface IndexPointer {
  readonly key: string;
  /** Undefined if the store returns none: the pointer can be read then, but not replaced. */
  readonly etag: string | undefined;
  readonly bytes: Uint8Array;
  readonly manifest: Manifest;
  /** The index that identifies the pointer: the first one listed of a known version, or of any version if none is known. */
  readonly record: BlobRecord;
  /** The indexes of known versions, newest first. */
  readonly indexes: readonly VersionedRecord[];
  /** Everything else it lists, such as indexes of unknown versions; a new pointer lists it unchanged. */
  readonly others: readonly BlobRecord[];
  readonly signedBy: string | undefined;
}

/** Indexes may be unsigned, since Spack never signs them; a signature that exists must be good. */
function indexPolicy(policy: SignaturePolicy): SignaturePolicy {
  return { ...policy, allowUnsigned: true };
}

/** The pointer of a view, or of the main index; undefined if it is missing, or refused with a finding. */
export async function readIndexPointer(
  store: ObjectStore,
  view: string | undefined,
  policy: SignaturePolicy,
  findings: Finding[],
): Promise<IndexPointer | undefined> {
  const key = indexManifestKey(view);
  const stored = await readOrFind(store, key, maxManifestBytes, findings);
  if (stored === undefined) return undefined;
  const pointer = await parsePointer(key, stored.body, policy, findings);
  if (pointer === undefined) return undefined;
  return { ...pointer, etag: stored.info.etag };
}

async function parsePointer(
  key: string,
  bytes: Uint8Array,
  policy: SignaturePolicy,
  findings: Finding[],
): Promise<Omit<IndexPointer, 'etag'> | undefined> {
  const opened = await openDocument(bytes, key, indexPolicy(policy));
  if (isFinding(opened)) {
    findings.push(opened);
    return undefined;
  }
  const manifest = parsed(key, 'index-malformed', findings, () => parseManifest(opened.text));
  if (manifest === undefined) return undefined;
  const records = indexRecordsOf(manifest);
  const indexes = records.filter(({ version }) => formatOfDatabase(version) !== undefined);
  const isKnown = new Set(indexes.map((known) => known.record));
  const record = manifest.data.find((listed) => isKnown.has(listed)) ?? records.at(-1)?.record;
  const problem =
    record === undefined || indexes.some((known) => known.record.compression !== 'none')
      ? 'it points to no package index of a version that Spack 1.x reads'
      : repeatedProblem(records);
  if (record === undefined || problem !== undefined) {
    findings.push(finding('index-malformed', key, problem ?? ''));
    return undefined;
  }
  const others = manifest.data.filter((listed) => !isKnown.has(listed));
  return { key, bytes, manifest, record, indexes, others, signedBy: opened.signedBy };
}

function repeatedProblem(records: readonly VersionedRecord[]): string | undefined {
  const [version] = repeatedVersions(records);
  return version === undefined ? undefined : `it points to several package indexes of version ${version}`;
}

/** All package indexes that a pointer names; undefined, with a finding, if any of them is refused. */
export async function readIndexSet(
  store: ObjectStore,
  pointer: Pick<IndexPointer, 'indexes'>,
  findings: Finding[],
  read = readPackageIndex,
): Promise<IndexSet | undefined> {
  const indexes: PackageIndex[] = [];
  for (const listed of pointer.indexes) {
    const index = await read(store, listed, findings);
    if (index !== undefined) indexes.push(index);
  }
  if (indexes.length < pointer.indexes.length) return undefined;
  return new IndexSet(indexes, new Map(pointer.indexes.map(({ version, record }) => [version, record])));
}

/**
 * One of the package indexes that a pointer names, with size and hash checked; undefined, with a finding, if it is refused.
 */
export async function readPackageIndex(
  store: ObjectStore,
  { version, record }: VersionedRecord,
  findings: Finding[],
): Promise<PackageIndex | undefined> {
  const key = blobKey(record.checksum);
  const stored = await readOrFind(store, key, maxIndexBytes, findings);
  if (stored === undefined) {
    if (!findings.some((found) => found.key === key)) {
      findings.push({ ...missingBlob(key, 'the package index'), hint: undefined });
    }
    return undefined;
  }
  const problem =
    checkSize(key, stored.body.length, record.contentLength) ??
    (hashOnce('sha256', stored.body) === record.checksum ? undefined : tamperedBlob(key));
  if (problem !== undefined) {
    findings.push(problem);
    return undefined;
  }
  return parsed(key, 'index-malformed', findings, () => PackageIndex.parse(stored.body, version));
}

/** Reads an object. If the store refuses it, that becomes a finding. */
export async function readOrFind(
  store: ObjectStore,
  key: string,
  maxBytes: number,
  findings: Finding[],
): Promise<Awaited<ReturnType<ObjectStore['read']>>> {
  try {
    return await store.read(key, { maxBytes });
  } catch (error) {
    const refused = storeFinding(error, key, 'manifest-too-large', `it is larger than ${maxBytes} bytes`);
    if (refused === undefined) throw error;
    findings.push(refused);
    return undefined;
  }
}

/** A kept pointer, by its name alone, which is only a claim. */
export interface KeptPointer {
  readonly key: string;
  readonly view: string | undefined;
  readonly generation: number;
  readonly isSigned: boolean;
}

/** The kept pointers of a view, or of the main index, oldest first. */
export async function listHistory(
  store: ObjectStore,
  view: string | undefined,
): Promise<readonly KeptPointer[]> {
  return (await listHistories(store, historyPrefixOf(view))).get(view) ?? [];
}

/** The kept pointers of each index, by view, oldest first. Indexes without any are left out. */
export async function listHistories(
  store: ObjectStore,
  prefix = historyPrefix,
): Promise<ReadonlyMap<string | undefined, readonly KeptPointer[]>> {
  const kept: KeptPointer[] = [];
  for await (const { key } of store.list(prefix)) {
    const classified = classifyKey(key);
    if (classified.kind !== 'history') continue;
    const { view, generation, isSigned } = classified;
    kept.push({ key, view, generation, isSigned });
  }
  kept.sort((a, b) => a.generation - b.generation || (a.key < b.key ? -1 : 1));
  return Map.groupBy(kept, ({ view }) => view);
}

/** The pointer kept under `key`, checked like the current one. */
export async function readKeptPointer(
  store: ObjectStore,
  key: string,
  policy: SignaturePolicy,
  findings: Finding[],
): Promise<Omit<IndexPointer, 'etag'> | undefined> {
  const stored = await readOrFind(store, key, maxManifestBytes, findings);
  return stored && parsePointer(key, stored.body, policy, findings);
}
