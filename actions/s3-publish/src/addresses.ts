import { encodeKey, withoutTrailingSlashes } from '@slipway/core';

/** More paths than this are one wildcard: CloudFront takes no more at a time, and a wildcard counts as one. */
const maxInvalidationPaths = 3_000;

/**
 * What a CDN must forget: the path of each key, one a line, as it is served under `baseUrl`, or below the destination without
 * one. New keys are among them, since CDNs keep the answer that there is nothing as well. Too many become one wildcard.
 */
export function invalidationPaths(keys: readonly string[], baseUrl: string | undefined): string {
  const start = baseUrl === undefined ? '' : withoutTrailingSlashes(new URL(baseUrl).pathname);
  if (keys.length > maxInvalidationPaths) return `${start}/*`;
  return keys
    .toSorted()
    .map((key) => `${start}/${encodeKey(key)}`)
    .join('\n');
}

/** Where an object is served, when it is known where the destination is. */
export function urlOf(key: string, baseUrl: string | undefined): string | undefined {
  return baseUrl === undefined ? undefined : `${baseUrl}/${encodeKey(key)}`;
}
