import type { ObjectHeaders, StoredHeaders } from '@slipway/core';
import { windowNumbered } from '@slipway/download-window';
import { contentTypeOf } from '@slipway/store/content-type';
import type { WindowRules } from './clocks.ts';

export interface DownloadHeaders extends ObjectHeaders {
  readonly contentType: string;
}

export interface CacheRules extends WindowRules {
  /** How long a cache may serve a copy without asking again. It counts from each answer anew, so it must be short (ADR 0019). */
  readonly maxAgeSeconds: number;
}

/** How a file of a window is stored: as a download, and cacheable for so short a time that copies end with the window. */
export function headersOf(name: string, window: number, rules: CacheRules): DownloadHeaders {
  return {
    contentType: contentTypeOf(name),
    cacheControl: `public, max-age=${rules.maxAgeSeconds}, must-revalidate, stale-if-error=0`,
    contentDisposition: contentDisposition(name),
    expiresAtMs: windowNumbered(window, rules.lengthSeconds).endsAtMs + rules.graceMs,
  };
}

/** What differs between the headers that an object has and those that it should have, by name; none when all are as they should be. */
export function headerDifferences(
  stored: StoredHeaders,
  { contentType, cacheControl: cache, contentDisposition: disposition, expiresAtMs = 0 }: DownloadHeaders,
): readonly string[] {
  const differs: readonly (readonly [string, boolean])[] = [
    ['Content-Type', stored.contentType !== contentType],
    ['Cache-Control', stored.cacheControl !== cache],
    ['Content-Disposition', stored.contentDisposition !== disposition],
    // The header has whole seconds.
    ['Expires', Math.floor((stored.expiresAtMs ?? 0) / 1_000) !== Math.floor(expiresAtMs / 1_000)],
  ];
  return differs.flatMap(([name, isOther]) => (isOther ? [name] : []));
}

/** RFC 6266: the name for old clients in ASCII, and in full for the others. */
export function contentDisposition(name: string): string {
  const plain = name.replace(/[^\x20-\x7e]|["\\%]/g, '_');
  const encoded = encodeURIComponent(name).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  const full = plain === name ? '' : `; filename*=UTF-8''${encoded}`;
  return `attachment; filename="${plain}"${full}`;
}
