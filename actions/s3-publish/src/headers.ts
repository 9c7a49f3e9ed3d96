import { hash } from 'node:crypto';
import type { CachePolicy, ObjectHeaders } from '@slipway/core';
import { contentTypeOf } from '@slipway/store/content-type';
import { type KeyGlob, matchesAny } from './globs.ts';
import { lastMatch, type MetadataValue, type Rule } from './rules.ts';

/** How objects are to be stored, beside their bytes. */
export interface HeaderRules {
  readonly cacheControl: readonly Rule<string>[];
  readonly contentType: readonly Rule<string>[];
  readonly metadata: readonly Rule<MetadataValue>[];
  readonly immutable: readonly KeyGlob[];
  readonly pointers: readonly KeyGlob[];
  /** What is asked for all objects alike (storage class, encryption, ACL): a change of it is a change of each. */
  readonly storedAs: string;
}

export interface StoredHeaders {
  readonly contentType: string;
  readonly cache: CachePolicy;
  readonly headers: ObjectHeaders;
}

const digestDigits = 16;

/** The headers of the object `key`. Later rules win over earlier ones, metadata name by name. */
export function headersOf(key: string, rules: HeaderRules): StoredHeaders {
  const metadata: Record<string, string> = Object.create(null);
  for (const { glob, value } of rules.metadata) {
    if (glob.matches(key)) metadata[value.name] = value.value;
  }
  return {
    contentType: lastMatch(rules.contentType, key) ?? contentTypeOf(key),
    cache: cachePolicyOf(key, rules),
    headers: {
      cacheControl: lastMatch(rules.cacheControl, key),
      metadata: Object.keys(metadata).length === 0 ? undefined : metadata,
    },
  };
}

/** Digests headers, to tell whether an object was stored with others; the few distinct ones are digested once. */
export class HeaderDigests {
  readonly #rules: HeaderRules;
  readonly #known = new Map<string, string>();

  constructor(rules: HeaderRules) {
    this.#rules = rules;
  }

  of(key: string): string {
    const { contentType, cache, headers } = headersOf(key, this.#rules);
    const metadata = Object.entries(headers.metadata ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
    const text = JSON.stringify([contentType, cache, headers.cacheControl, metadata, this.#rules.storedAs]);
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const digest = hash('sha256', text).slice(0, digestDigits);
    this.#known.set(text, digest);
    return digest;
  }
}

/** How long the object `key` stays what it is. */
export function cachePolicyOf(key: string, rules: HeaderRules): CachePolicy {
  if (matchesAny(rules.pointers, key)) return 'pointer';
  return matchesAny(rules.immutable, key) ? 'immutable' : 'document';
}
