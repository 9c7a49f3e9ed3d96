import type { FileFacts, HashOrigin, MetadataFacts, PageState, PrefixState, ShardState } from './state.ts';
import {
  Damage,
  decode,
  encode,
  hexOf,
  listOf,
  mapOf,
  numberOf,
  pathOf,
  type ReadState,
  sortedObject,
  textOf,
  tuple,
} from './state-values.ts';

const origins: readonly (HashOrigin | null)[] = ['checksum', 'metadata', 'computed', 'none', null];

/** The document of a shard. The same facts always give the same bytes, with one version of Node. */
export function encodeShard(files: ShardState): Uint8Array {
  return encode({ files: sortedObject(files, encodeFacts) });
}

/** Reads what `encodeShard` writes, and never throws. */
export function decodeShard(bytes: Uint8Array): ReadState<ShardState> {
  return decode(bytes, ({ files }) => mapOf(files, decodeFacts));
}

/** The document of a prefix. The same state always gives the same bytes, with one version of Node. */
export function encodePrefix(state: PrefixState): Uint8Array {
  return encode({
    fingerprint: state.fingerprint,
    directories: [...state.directories].sort(),
    projects: sortedObject(state.projects, (names) => [...names].sort()),
    pages: sortedObject(state.pages, ({ etag, sha256 }) => [etag, sha256]),
  });
}

/** Reads what `encodePrefix` writes, and never throws. */
export function decodePrefix(bytes: Uint8Array): ReadState<PrefixState> {
  return decode(bytes, ({ fingerprint, directories, projects, pages }) => ({
    fingerprint: hexOf(fingerprint),
    directories: listOf(directories, pathOf),
    projects: mapOf(projects, (names) => listOf(names, textOf), pathOf),
    pages: mapOf(pages, decodePage, textOf),
  }));
}

/** The document with the splits of the next listing. */
export function encodeSplits(splits: readonly string[]): Uint8Array {
  return encode({ splits });
}

/** Reads what `encodeSplits` writes, and never throws. */
export function decodeSplits(bytes: Uint8Array): ReadState<readonly string[]> {
  return decode(bytes, ({ splits }) => listOf(splits, textOf));
}

function encodeFacts(facts: FileFacts): unknown {
  const { etag, sizeBytes, modifiedAtMs, uploadedAtMs, sha256, hashOrigin, metadata } = facts;
  return [
    etag,
    sizeBytes,
    modifiedAtMs,
    uploadedAtMs,
    sha256,
    hashOrigin,
    metadata === null ? null : [metadata.etag, metadata.sha256, metadata.requiresPython],
  ];
}

function decodeFacts(value: unknown): FileFacts {
  const [etag, sizeBytes, modifiedAtMs, uploadedAtMs, sha256, hashOrigin, metadata] = tuple(value, 7);
  const origin = origins.find((one) => one === hashOrigin);
  if (origin === undefined) throw new Damage('it has an origin of a hash that is not known');
  return {
    etag: textOf(etag),
    sizeBytes: numberOf(sizeBytes),
    modifiedAtMs: numberOf(modifiedAtMs),
    uploadedAtMs: numberOf(uploadedAtMs),
    sha256: sha256 === null ? null : hexOf(sha256),
    hashOrigin: origin,
    metadata: metadata === null ? null : decodeMetadata(metadata),
  };
}

function decodeMetadata(value: unknown): MetadataFacts {
  const [etag, sha256, requiresPython] = tuple(value, 3);
  return {
    etag: textOf(etag),
    sha256: sha256 === null ? null : hexOf(sha256),
    requiresPython: requiresPython === null ? null : textOf(requiresPython),
  };
}

function decodePage(value: unknown): PageState {
  const [etag, sha256] = tuple(value, 2);
  return { etag: textOf(etag), sha256: hexOf(sha256) };
}
