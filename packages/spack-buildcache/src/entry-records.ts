import { type BlobRecord, type Manifest, mediaTypes } from './manifest.ts';
import { formatOfSpecfile, isNewerSpecfile, specRecordsOf, type VersionedRecord } from './versions.ts';

/** Any version. Of two records in the same family, readers may choose differently. */
const specFamily = /^application\/vnd\.spack\.spec\.v[0-9]{1,4}\+json$/;
const tarballFamily = /^application\/vnd\.spack\.install\.v[0-9]{1,4}\./;

export type RecordFault = 'missing' | 'ambiguous' | 'compression' | 'unknown';

/** What an entry's manifest offers. */
export interface EntryRecords {
  /** Undefined if there is none to rely on; `faults` says why. */
  readonly spec: VersionedRecord | undefined;
  readonly tarball: BlobRecord | undefined;
  /** `unknown` is harmless, since no reader looks there; the others are reasons to refuse the manifest. */
  readonly faults: readonly { readonly fault: RecordFault; readonly message: string }[];
}

/**
 * The spec and the tarball that a manifest offers. Spack takes the first record with the right media type and ignores
 * `compression`; Slipway accepts only manifests with exactly one of each, compressed as stated.
 */
export function entryRecordsOf(manifest: Manifest): EntryRecords {
  const faults: { readonly fault: RecordFault; readonly message: string }[] = [];
  const only = (
    what: string,
    family: RegExp,
    isOffered: (record: BlobRecord) => boolean,
  ): BlobRecord | undefined => {
    const records = manifest.data.filter(({ mediaType }) => family.test(mediaType));
    const [record] = records;
    if (record === undefined || !isOffered(record)) {
      faults.push({ fault: 'missing', message: `it lists no ${what}` });
      return undefined;
    }
    if (records.length > 1) {
      faults.push({
        fault: 'ambiguous',
        message: `it lists ${records.length} ${what}s, and Spack takes the first that it can read`,
      });
      return undefined;
    }
    if (record.compression === 'gzip') return record;
    faults.push({ fault: 'compression', message: `it says that its ${what} is not compressed with gzip` });
    return undefined;
  };
  // Includes specs that only a later version can read; see `readNewerSpec`.
  const specs = specRecordsOf(manifest).filter(
    ({ version }) => formatOfSpecfile(version) !== undefined || isNewerSpecfile(version),
  );
  const spec = only('spec', specFamily, (record) => specs.some((offered) => offered.record === record));
  const tarball = only('tarball', tarballFamily, ({ mediaType }) => mediaType === mediaTypes.tarball);
  const unknown = manifest.data.filter(
    ({ mediaType }) => !specFamily.test(mediaType) && !tarballFamily.test(mediaType),
  );
  if (unknown.length > 0)
    faults.push({
      fault: 'unknown',
      message: 'it lists a payload that is neither a spec nor a tarball, and that nothing reads',
    });
  return { spec: specs.find(({ record }) => record === spec), tarball, faults };
}
