import { encodeKey, withoutTrailingSlashes } from '@slipway/core';
import { everyPath, maxPendingPaths } from './document.ts';

/**
 * What a CDN must forget, one path per line. Includes new keys, since CDNs also cache missing objects. More than CloudFront accepts
 * at once become one wildcard, which counts as one.
 */
export function invalidationPaths(paths: Iterable<string>, baseUrl: string | undefined): string {
  const each = new Set(paths);
  if (each.has(everyPath)) return everyPath;
  return each.size > maxPendingPaths ? everythingUnder(baseUrl) : [...each].sort().join('\n');
}

/** A key's path on the CDN: as served under `baseUrl`, or below the destination without one. */
export function cdnPathOf(key: string, baseUrl: string | undefined): string {
  return `${startOf(baseUrl)}/${encodeKey(key)}`;
}

/** The wildcard for all keys. */
export function everythingUnder(baseUrl: string | undefined): string {
  return `${startOf(baseUrl)}/*`;
}

function startOf(baseUrl: string | undefined): string {
  if (baseUrl === undefined) return '';
  // Encoded like keys, so that one path has one spelling.
  return encodeKey(decodeURIComponent(withoutTrailingSlashes(new URL(baseUrl).pathname)));
}
