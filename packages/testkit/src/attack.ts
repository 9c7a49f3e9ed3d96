import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import {
  type BlobRecord,
  blobKey,
  type Manifest,
  mediaTypes,
  specManifestKey,
} from '@slipway/spack-buildcache';
import type { AttackKey, AttackKeys } from './attack-signers.ts';
import {
  isSigned,
  readManifest,
  readSpecJson,
  requiredRecord,
  writeBlob,
  writeManifest,
} from './mirror-files.ts';
import type { SyntheticEntry } from './synthetic-entry.ts';

/** The target of an attack. */
export interface AttackContext {
  /** An honest mirror or staged tree from `stageHonestMirror`, with an index if the attack is on the index. */
  readonly directory: string;
  /** An empty directory beside it that belongs to the attacker. */
  readonly outside: string;
  readonly twins: readonly [SyntheticEntry, SyntheticEntry];
  readonly keys: AttackKeys;
}

/**
 * One thing that an attacker with write access to a bucket, or control of a build machine, may do to a buildcache, and the finding
 * it must cause.
 */
export interface Attack {
  readonly name: string;
  /** The finding that must be there, at `level` and above. */
  readonly code: string;
  /** The cheapest level of verification that finds it. Publishing always checks at the full level. */
  readonly level: 'metadata' | 'full';
  /** A vaguer or less certain finding at the level of metadata. */
  readonly metadataCode?: string;
  /** Findings that may accompany it. After an attack on an entry, for example, the index no longer matches the entry. */
  readonly alongside?: readonly string[];
  /** `entry`: also of a staged tree; `index`, `keys`: of a published mirror. */
  readonly against: 'entry' | 'index' | 'keys';
  /** Keys that the verifier pinned besides the honest one. */
  readonly trusts?: readonly Exclude<keyof AttackKeys, 'honest'>[];
  /** Only reading every spec finds it, so publishing to such a mirror is not refused. */
  readonly onlyVerifyFinds?: boolean;
  apply(context: AttackContext): Promise<void> | void;
}

/** Manifests of the fixture: a program that nothing depends on, its library, and the library's data. */
export const victims = {
  program: specManifestKey({ name: 'greet', version: '2.0', hash: 'dhoyfew7acbbjzzbqka3wknqpckquxwo' }),
  otherProgram: specManifestKey({
    name: 'greet',
    version: '3.0-rc1',
    hash: 'pxktqpm3dgovcabvsd3qitexrako5hvn',
  }),
  library: specManifestKey({ name: 'libgreet', version: '1.1.0', hash: 'qrhd4fwi2qepcnm7ecvq4y2lzoycsbwd' }),
  olderLibrary: specManifestKey({
    name: 'libgreet',
    version: '1.0.0',
    hash: 'jf6w6f4dm3sebnr7wu2sa4fuzbd7urey',
  }),
  data: specManifestKey({ name: 'greet-data', version: '0.9', hash: 'bj5hicv5x6lmzdomeqfntjacjmka4up6' }),
} as const;

export function pathOf(context: AttackContext, key: string): string {
  return join(context.directory, key);
}

/** The honest key where the attacked manifest was signed: the attacker holds the machine that signs. */
export function stolenSigner(context: AttackContext, key: string): AttackKey | undefined {
  return isSigned(context.directory, key) ? context.keys.honest : undefined;
}

/** Replaces a manifest and signs it as it was signed before. */
export function rewriteManifest(
  context: AttackContext,
  key: string,
  manifest: Manifest | string,
): Promise<void> {
  return writeManifest(context.directory, key, manifest, stolenSigner(context, key));
}

/** Replaces the records of a manifest that have the same media type. */
export function replaceRecord(context: AttackContext, key: string, record: BlobRecord): Promise<void> {
  const manifest = readManifest(context.directory, key);
  const data = manifest.data.map((old) => (old.mediaType === record.mediaType ? record : old));
  return rewriteManifest(context, key, { ...manifest, data });
}

/** Replaces the spec text of an entry, with correct checksums. */
export function replaceSpec(context: AttackContext, key: string, json: string | Uint8Array): Promise<void> {
  return replaceRecord(context, key, writeBlob(context.directory, gzipSync(json), mediaTypes.spec, 'gzip'));
}

interface SpecNodeJson {
  name: string;
  version: string;
  hash: string;
  dependencies?: { hash: string }[];
}

/** Changes the root node in the spec of an entry, with correct checksums. */
export function changeRoot(
  context: AttackContext,
  key: string,
  change: (root: SpecNodeJson) => void,
): Promise<void> {
  const document: { spec: { nodes: SpecNodeJson[] } } = JSON.parse(readSpecJson(context.directory, key));
  const [root] = document.spec.nodes;
  if (root === undefined) throw new Error(`${key} has no root node`);
  change(root);
  return replaceSpec(context, key, JSON.stringify(document));
}

export type Payload = 'tarball' | 'spec';

/** The key of an entry's blob. */
export function payloadKey(context: AttackContext, key: string, payload: Payload): string {
  return blobKey(requiredRecord(readManifest(context.directory, key), mediaTypes[payload]).checksum);
}
