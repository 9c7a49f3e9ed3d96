import { encodeKey } from '@slipway/core';

export { cdnPathOf, everythingUnder, invalidationPaths } from '@slipway/pending-invalidations';

/** Where an object is served, when it is known where the destination is. */
export function urlOf(key: string, baseUrl: string | undefined): string | undefined {
  return baseUrl === undefined ? undefined : `${baseUrl}/${encodeKey(key)}`;
}
