import type { BlobRecord, Manifest } from './manifest.ts';

/**
 * What belongs together: the nodes of specfile version N are in package indexes (Spack databases) of one version. Spack 1.0
 * to 1.2 write 5 and 8, Spack 1.3 writes 6 and 9 and reads the older ones too. Follows `lib/spack/docs/file_formats.rst`.
 */
export interface FormatVersion {
  readonly specfile: number;
  readonly database: number;
}

/** The versions that are read and written here, oldest first. */
export const formatVersions = [
  { specfile: 5, database: 8 },
  { specfile: 6, database: 9 },
] as const satisfies readonly FormatVersion[];

/** The newest specfile version that is read here. */
export const newestSpecfileVersion = Math.max(...formatVersions.map(({ specfile }) => specfile));

/** Whether specs of this version may be read by a later version of this, and not by this one. */
export function isNewerSpecfile(version: number): boolean {
  return version > newestSpecfileVersion;
}

/** The format of a specfile version; undefined for one that is newer than what is known here. */
export function formatOfSpecfile(version: number): FormatVersion | undefined {
  return formatVersions.find(({ specfile }) => specfile === version);
}

/** The format of a database version; undefined for one that is not known here. */
export function formatOfDatabase(version: number): FormatVersion | undefined {
  return formatVersions.find(({ database }) => database === version);
}

export function specMediaType(specfileVersion: number): string {
  return `application/vnd.spack.spec.v${specfileVersion}+json`;
}

export function indexMediaType(databaseVersion: number): string {
  return `application/vnd.spack.db.v${databaseVersion}+json`;
}

/** A payload of a manifest whose media type tells the version of its format. */
export interface VersionedRecord {
  /** Of the specfile, or of the database. */
  readonly version: number;
  readonly record: BlobRecord;
}

/**
 * The specs of a manifest, newest version first, which is the order in which a client looks for one that it reads. Of
 * several of one version it takes the first.
 */
export function specRecordsOf(manifest: Manifest): readonly VersionedRecord[] {
  return recordsOf(manifest, /^application\/vnd\.spack\.spec\.v([1-9]\d{0,3})\+json$/);
}

/**
 * The package indexes of a manifest, newest version first; also of versions that are not known here. A client takes the
 * newest that it reads, and that one alone.
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

/** Versions that a list of records has more than once: what one client takes of them, another may not. */
export function repeatedVersions(records: readonly VersionedRecord[]): readonly number[] {
  const repeated = records.filter(({ version }, at) => records[at - 1]?.version === version);
  return [...new Set(repeated.map(({ version }) => version))];
}
