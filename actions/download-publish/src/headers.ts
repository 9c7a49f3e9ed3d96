import type { ObjectHeaders, StoredHeaders } from '@slipway/core';
import { windowNumbered } from '@slipway/download-window';
import { contentTypeOf } from '@slipway/store/content-type';
import { create, parse } from 'content-disposition';
import type { WindowRules } from './window-times.ts';

export interface DownloadHeaders extends ObjectHeaders {
  readonly contentType: string;
}

export interface CacheRules extends WindowRules {
  /** How long a cache may serve a copy without revalidating. It restarts with each response, so it must be short (ADR 0019). */
  readonly maxAgeSeconds: number;
}

/** The headers of a file in a window: a download, cacheable so briefly that copies expire with the window. */
export function headersOf(name: string, window: number, rules: CacheRules): DownloadHeaders {
  return {
    contentType: contentTypeOf(name),
    cacheControl: `public, max-age=${rules.maxAgeSeconds}, must-revalidate, stale-if-error=0`,
    // Old clients read the fallback, the others the name in full.
    contentDisposition: create(name, { fallback: name.replace(/[^\x20-\x7e]|["\\%]/g, '_') }),
    expiresAtMs: windowNumbered(window, rules.lengthSeconds).endsAtMs + rules.graceMs,
  };
}

/** The names of the headers in which an object differs from the expected ones. */
export function headerDifferences(
  stored: StoredHeaders,
  { contentType, cacheControl: cache, contentDisposition: disposition, expiresAtMs = 0 }: DownloadHeaders,
): readonly string[] {
  const differs: readonly (readonly [string, boolean])[] = [
    ['Content-Type', stored.contentType !== contentType],
    ['Cache-Control', stored.cacheControl !== cache],
    ['Content-Disposition', !isSameDisposition(stored.contentDisposition, disposition)],
    // The header has whole seconds.
    ['Expires', Math.floor((stored.expiresAtMs ?? 0) / 1_000) !== Math.floor(expiresAtMs / 1_000)],
  ];
  return differs.flatMap(([name, isOther]) => (isOther ? [name] : []));
}

/** Whether two headers say the same: quotes around a plain name mean nothing. */
function isSameDisposition(stored = '', wanted = ''): boolean {
  return stored === wanted || JSON.stringify(parse(stored)) === JSON.stringify(parse(wanted));
}
