import { parseStrictJson, UserError } from '@slipway/core';
import { isSha256, isViewName, maxGeneration } from './layout.ts';
import { linewiseJson } from './python-json.ts';

/** The oldest versions of specs and indexes; for others see `specMediaType` and `indexMediaType`. */
export const mediaTypes = {
  tarball: 'application/vnd.spack.install.v2.tar+gzip',
  spec: 'application/vnd.spack.spec.v5+json',
  index: 'application/vnd.spack.db.v8+json',
  key: 'application/pgp-keys',
  keyIndex: 'application/vnd.spack.keyindex.v1+json',
} as const;

/** One payload of a manifest. `contentLength` is in bytes, `checksum` the SHA-256 of the stored bytes. */
export interface BlobRecord {
  readonly contentLength: number;
  readonly mediaType: string;
  readonly compression: string;
  readonly checksumAlgorithm: string;
  readonly checksum: string;
  /** Fields of newer Spack versions, written back as they were read. */
  readonly others?: Readonly<Record<string, unknown>>;
}

/**
 * What Slipway adds to an index manifest: the index, its mirror and its place in the series. Spack ignores it. A generation
 * that was already replaced means that somebody put an old pointer back; a wrong name or mirror, that somebody moved it
 * here from elsewhere.
 */
export interface IndexLineage {
  /** From 1 to `maxGeneration`. */
  readonly generation: number;
  /** `@main`, or the name of the view. */
  readonly index?: string | undefined;
  /** The mirror's own name: 32 hex digits, chosen with its first index and repeated in all its pointers. */
  readonly mirror?: string | undefined;
  /** SHA-256 of the index blob that this one replaced. */
  readonly previous?: string | undefined;
  /** The generation that a deliberate rollback brought back. */
  readonly rolledBackTo?: number | undefined;
}

export interface Manifest {
  readonly version: number;
  readonly data: readonly BlobRecord[];
  readonly lineage?: IndexLineage | undefined;
}

/** Spack's manifests are far smaller; larger ones are not read. */
export const maxManifestBytes = 1024 * 1024;
const maxManifestRecords = 64;
const maxManifestDepth = 8;
const maxBlobBytes = 2 ** 43;

/**
 * Reads a manifest from its JSON, without a clear-signature. Throws `JsonError` for invalid JSON and `UserError`
 * `content-invalid` if it is not a version-3 manifest.
 */
export function parseManifest(text: string): Manifest {
  const document = parseStrictJson(text, maxManifestDepth);
  if (!isRecord(document)) throw invalid('it is not a JSON object');
  if (document['version'] !== 3) throw invalid(`its version is not 3`);
  const data = document['data'];
  if (!Array.isArray(data) || data.length === 0) throw invalid('it lists no data');
  if (data.length > maxManifestRecords) throw invalid(`it lists more than ${maxManifestRecords} payloads`);
  const lineage = document['slipway'];
  return {
    version: 3,
    data: data.map(parseBlobRecord),
    ...(lineage === undefined ? {} : { lineage: parseLineage(lineage) }),
  };
}

function parseBlobRecord(record: unknown): BlobRecord {
  if (!isRecord(record)) throw invalid('a record of its data is not an object');
  const { contentLength, mediaType, compression, checksumAlgorithm, checksum, ...others } = record;
  if (!isCount(contentLength) || contentLength > maxBlobBytes) throw invalid('a contentLength is not a size');
  if (typeof mediaType !== 'string' || typeof compression !== 'string')
    throw invalid('a mediaType is missing');
  if (checksumAlgorithm !== 'sha256') throw invalid('a checksumAlgorithm is not sha256');
  if (typeof checksum !== 'string' || !isSha256(checksum)) throw invalid('a checksum is not a SHA-256');
  const known = { contentLength, mediaType, compression, checksumAlgorithm, checksum };
  return Object.keys(others).length === 0 ? known : { ...known, others };
}

function parseLineage(value: unknown): IndexLineage {
  if (!isRecord(value)) throw invalid('its lineage is not an object');
  const { generation, index, mirror, previous, rolledBackTo } = value;
  if (!isGeneration(generation)) throw invalid(`its generation is not a number from 1 to ${maxGeneration}`);
  if (index !== undefined && (typeof index !== 'string' || (index !== '@main' && !isViewName(index)))) {
    throw invalid('the index that it says it is has an invalid name');
  }
  if (mirror !== undefined && (typeof mirror !== 'string' || !/^[0-9a-f]{32}$/.test(mirror))) {
    throw invalid('the mirror that it says it belongs to is not 32 hex digits');
  }
  if (previous !== undefined && (typeof previous !== 'string' || !isSha256(previous))) {
    throw invalid('its previous index is not a SHA-256');
  }
  // Another tool's pointer before Slipway's first one counts as zero.
  if (rolledBackTo !== undefined && rolledBackTo !== 0 && !isGeneration(rolledBackTo)) {
    throw invalid('its rolledBackTo is not a generation');
  }
  return { generation, index, mirror, previous, rolledBackTo };
}

function isGeneration(value: unknown): value is number {
  return isCount(value) && value >= 1 && value <= maxGeneration;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function invalid(why: string): UserError {
  return new UserError('content-invalid', `the manifest is malformed: ${why}`);
}

/** The first record of this media type, which is the one Spack reads. */
export function findRecord(manifest: Manifest, mediaType: string): BlobRecord | undefined {
  return manifest.data.find((record) => record.mediaType === mediaType);
}

/**
 * The text of a manifest in Spack's form: a line break after every token, because gpg silently cuts long lines, and none at
 * the end.
 */
export function formatManifest(manifest: Manifest): string {
  const document = {
    version: manifest.version,
    data: manifest.data.map(
      ({ contentLength, mediaType, compression, checksumAlgorithm, checksum, others }) => ({
        contentLength,
        mediaType,
        compression,
        checksumAlgorithm,
        checksum,
        ...others,
      }),
    ),
    ...(manifest.lineage === undefined ? {} : { slipway: manifest.lineage }),
  };
  return linewiseJson(document);
}

/** A manifest with one payload: an index, a key or a key index. */
export function singleBlobManifest(
  mediaType: string,
  sizeBytes: number,
  sha256: string,
  lineage?: IndexLineage,
): Manifest {
  return {
    version: 3,
    data: [
      {
        contentLength: sizeBytes,
        mediaType,
        compression: 'none',
        checksumAlgorithm: 'sha256',
        checksum: sha256,
      },
    ],
    lineage,
  };
}
