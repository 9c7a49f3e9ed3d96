import { hash } from 'node:crypto';
import type { CachePolicy, ObjectHeaders } from '@slipway/core';
import { contentTypeOf } from '@slipway/store/content-type';
import { type KeyGlob, matchesAny } from './globs.ts';
import { type ContentEncoding, lastMatch, type MetadataValue, type Rule } from './rules.ts';

/** How objects are stored, apart from their bytes. */
export interface HeaderRules {
  readonly cacheControl: readonly Rule<string>[];
  readonly contentType: readonly Rule<string>[];
  readonly contentEncoding?: readonly Rule<ContentEncoding>[] | undefined;
  readonly metadata: readonly Rule<MetadataValue>[];
  readonly immutable: readonly KeyGlob[];
  readonly pointers: readonly KeyGlob[];
  /** Settings of all objects (storage class, encryption, ACL): changing them changes every object. */
  readonly storedAs: string;
}

export interface StoredHeaders {
  readonly contentType: string;
  readonly cache: CachePolicy;
  readonly headers: ObjectHeaders;
}

const digestDigits = 16;

/** The headers of the object `key`. Later rules win over earlier ones; for metadata, per name. */
export function headersOf(key: string, rules: HeaderRules): StoredHeaders {
  const metadata: Record<string, string> = Object.create(null);
  for (const { glob, value } of rules.metadata) {
    if (glob.matches(key)) metadata[value.name] = value.value;
  }
  const contentEncoding = contentEncodingOf(key, rules);
  return {
    contentType: lastMatch(rules.contentType, key) ?? contentTypeOf(unencodedName(key, contentEncoding)),
    cache: cachePolicyOf(key, rules),
    headers: {
      cacheControl: lastMatch(rules.cacheControl, key),
      contentEncoding,
      metadata: Object.keys(metadata).length === 0 ? undefined : metadata,
    },
  };
}

/** Digests headers, to detect whether an object was stored with different ones. Each distinct set is digested once. */
export class HeaderDigests {
  readonly #rules: HeaderRules;
  readonly #known = new Map<string, string>();

  constructor(rules: HeaderRules) {
    this.#rules = rules;
  }

  of(key: string): string {
    const { contentType, cache, headers } = headersOf(key, this.#rules);
    const metadata = Object.entries(headers.metadata ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
    const facts = [contentType, cache, headers.cacheControl, metadata, this.#rules.storedAs];
    // Last, and only if present: objects without one keep the digest in existing inventories.
    if (headers.contentEncoding !== undefined) facts.push(headers.contentEncoding);
    const text = JSON.stringify(facts);
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const digest = hash('sha256', text).slice(0, digestDigits);
    this.#known.set(text, digest);
    return digest;
  }
}

/**
 * The `Content-Encoding` of the object `key`; undefined for files that are served as they are, such as a `.tar.gz`. An `.svgz` is
 * gzip by default, because browsers cannot show it otherwise.
 */
export function contentEncodingOf(key: string, rules: HeaderRules): string | undefined {
  const asked = lastMatch(rules.contentEncoding ?? [], key) ?? (/\.svgz$/i.test(key) ? 'gzip' : undefined);
  return asked === 'identity' ? undefined : asked;
}

const encodingExtensions: Readonly<Record<string, RegExp>> = {
  gzip: /\.gz$/i,
  br: /\.br$/i,
  zstd: /\.zst$/i,
};

/** `app.js` for an `app.js.gz` with the encoding gzip: its content type is that of the script. */
function unencodedName(key: string, encoding: string | undefined): string {
  const extension = encoding === undefined ? undefined : encodingExtensions[encoding];
  return extension === undefined ? key : key.replace(extension, '');
}

/** How long the object `key` stays unchanged. */
export function cachePolicyOf(key: string, rules: HeaderRules): CachePolicy {
  if (matchesAny(rules.pointers, key)) return 'pointer';
  return matchesAny(rules.immutable, key) ? 'immutable' : 'document';
}
