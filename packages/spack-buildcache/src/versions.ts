import type { BlobRecord, Manifest } from './manifest.ts';

/**
 * Formats that belong together: nodes of specfile version N go into package indexes (Spack databases) of one version. Spack
 * 1.0 to 1.2 write 5 and 8; Spack 1.3 writes 6 and 9 and reads the older ones too. Follows
 * `lib/spack/docs/file_formats.rst`.
 */
export interface FormatVersion {
  readonly specfile: number;
  readonly database: number;
}

/** The versions that Slipway reads and writes, oldest first. */
export const formatVersions = [
  { specfile: 5, database: 8 },
  { specfile: 6, database: 9 },
] as const satisfies readonly FormatVersion[];

export const newestSpecfileVersion = Math.max(...formatVersions.map(({ specfile }) => specfile));

/** Whether specs of this version need a newer Slipway. */
export function isNewerSpecfile(version: number): boolean {
  return version > newestSpecfileVersion;
}

/** The format of a specfile version; undefined if it is too new. */
export function formatOfSpecfile(version: number): FormatVersion | undefined {
  return formatVersions.find(({ specfile }) => specfile === version);
}

/** The format of a database version; undefined if it is unknown. */
export function formatOfDatabase(version: number): FormatVersion | undefined {
  return formatVersions.find(({ database }) => database === version);
}

export function specMediaType(specfileVersion: number): string {
  return `application/vnd.spack.spec.v${specfileVersion}+json`;
}

export function indexMediaType(databaseVersion: number): string {
  return `application/vnd.spack.db.v${databaseVersion}+json`;
}

/** A payload of a manifest whose media type states its format version. */
export interface VersionedRecord {
  /** The specfile or database version. */
  readonly version: number;
  readonly record: BlobRecord;
}

/**
 * The specs of a manifest, newest version first: the order in which clients try them. Of several with the same version,
 * clients take the first.
 */
export function specRecordsOf(manifest: Manifest): readonly VersionedRecord[] {
  return recordsOf(manifest, /^application\/vnd\.spack\.spec\.v([1-9]\d{0,3})\+json$/);
}

/**
 * The package indexes of a manifest, newest version first, including unknown versions. A client reads only the newest one
 * it understands.
 */
export function indexRecordsOf(manifest: Manifest): readonly VersionedRecord[] {
  return recordsOf(manifest, /^application\/vnd\.spack\.db\.v([1-9]\d{0,3})\+json$/);
}

function recordsOf(manifest: Manifest, mediaType: RegExp): readonly VersionedRecord[] {
  return manifest.data
    .map((record) => ({ version: Number(mediaType.exec(record.mediaType)?.[1] ?? 0), record }))
    .filter(({ version }) => version > 0)
    .sort((a, b) => b.version - a.version);
}

/** Versions that occur more than once: clients may disagree on which record to take. */
export function repeatedVersions(records: readonly VersionedRecord[]): readonly number[] {
  const repeated = records.filter(({ version }, at) => records[at - 1]?.version === version);
  return [...new Set(repeated.map(({ version }) => version))];
}
