import { encodeKey, withoutTrailingSlashes } from '@slipway/core';
import { everyPath, maxPendingPaths } from './document.ts';

/**
 * What a CDN must forget, one path a line. New keys are among them, since CDNs keep the answer that there is nothing as well.
 * More than CloudFront takes at a time become one wildcard, which counts as one.
 */
export function invalidationPaths(paths: Iterable<string>, baseUrl: string | undefined): string {
  const each = new Set(paths);
  if (each.has(everyPath)) return everyPath;
  return each.size > maxPendingPaths ? everythingUnder(baseUrl) : [...each].sort().join('\n');
}

/** The path of a key to a CDN: as it is served under `baseUrl`, or below the destination without one. */
export function cdnPathOf(key: string, baseUrl: string | undefined): string {
  return `${startOf(baseUrl)}/${encodeKey(key)}`;
}

/** The wildcard for every key. */
export function everythingUnder(baseUrl: string | undefined): string {
  return `${startOf(baseUrl)}/*`;
}

function startOf(baseUrl: string | undefined): string {
  if (baseUrl === undefined) return '';
  // Spelled as keys are, so that one path has one spelling.
  return encodeKey(decodeURIComponent(withoutTrailingSlashes(new URL(baseUrl).pathname)));
}
