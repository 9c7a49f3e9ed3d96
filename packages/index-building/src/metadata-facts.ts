import { isConditionFailed, type ObjectStore, printable, type StoredObject, UserError } from '@slipway/core';
import { type MetadataFacts, parseMetadata, type SourceFile, sha256Of } from '@slipway/simple-index';
import { storeEtag } from './source-listing.ts';
import { readWheelMetadata } from './wheel-metadata.ts';

/** What `<file>.metadata` may have, as in a wheel. */
const maxMetadataBytes = 2 ** 22;
const maxSpecifierCharacters = 1_000;

/** The METADATA file beside a distribution, as a listing shows it. */
export type MetadataObject = Pick<SourceFile, 'etag' | 'sizeBytes'>;

/** What is known of METADATA after it was read. */
export type MetadataAnswer =
  | { readonly kind: 'known'; readonly facts: Omit<MetadataFacts, 'etag'> }
  /** It is gone, or has other bytes than those that were listed. */
  | { readonly kind: 'replaced' };

/**
 * Reads the METADATA file beside a distribution, in one GET. One that is too large or cannot be understood has no
 * `Requires-Python`; one that is too large has no hash either. Follows PEP 658 and 714. Throws what the store throws.
 */
export async function readMetadataFile(
  store: ObjectStore,
  key: string,
  listed: MetadataObject,
): Promise<MetadataAnswer> {
  let stored: StoredObject | undefined;
  try {
    stored = await store.read(key, { maxBytes: maxMetadataBytes });
  } catch (error) {
    if (error instanceof UserError && error.code === 'too-large')
      return { kind: 'known', facts: { sha256: null, requiresPython: null } };
    throw error;
  }
  const etag = storeEtag(listed);
  const isListed =
    etag === undefined ? stored?.body.length === listed.sizeBytes : (stored?.info.etag ?? etag) === etag;
  if (stored === undefined || !isListed) return { kind: 'replaced' };
  return { kind: 'known', facts: factsOf(stored.body) };
}

/** What `extractMetadata` found. */
export type ExtractedMetadata =
  | { readonly kind: 'stored'; readonly facts: MetadataFacts }
  /** The wheel has no METADATA that can be read. */
  | { readonly kind: 'unreadable'; readonly reason: string }
  | { readonly kind: 'replaced' };

/**
 * Takes METADATA out of a wheel and stores it beside it as `<file>.metadata`, unless somebody else has done so meanwhile: then
 * theirs counts. Throws what the store throws.
 */
export async function extractMetadata(store: ObjectStore, wheel: SourceFile): Promise<ExtractedMetadata> {
  const { readRange } = store;
  if (readRange === undefined) return { kind: 'unreadable', reason: 'the store reads no parts of objects' };
  const ranges = { readRange: readRange.bind(store) };
  let bytes: Uint8Array;
  try {
    bytes = await readWheelMetadata(ranges, { ...wheel, etag: storeEtag(wheel) });
  } catch (error) {
    if (isConditionFailed(error)) return { kind: 'replaced' };
    if (error instanceof UserError && (error.code === 'content-invalid' || error.code === 'too-large'))
      return { kind: 'unreadable', reason: printable(error.message) };
    throw error;
  }
  const key = `${wheel.key}.metadata`;
  const facts = factsOf(bytes);
  const sha256 = sha256Of(bytes);
  try {
    const { etag } = await store.write(
      key,
      { kind: 'bytes', bytes },
      { condition: 'absent', contentType: 'text/plain; charset=utf-8', cache: 'document', sha256 },
    );
    return { kind: 'stored', facts: { etag, ...facts } };
  } catch (error) {
    // The next listing shows it.
    if (isConditionFailed(error)) return { kind: 'replaced' };
    throw error;
  }
}

function factsOf(bytes: Uint8Array): Omit<MetadataFacts, 'etag'> {
  return { sha256: sha256Of(bytes), requiresPython: requiresPythonOf(bytes) };
}

function requiresPythonOf(bytes: Uint8Array): string | null {
  try {
    const { requiresPython } = parseMetadata(bytes);
    if (requiresPython === undefined || requiresPython.length > maxSpecifierCharacters) return null;
    return requiresPython;
  } catch (error) {
    if (error instanceof UserError) return null;
    throw error;
  }
}
