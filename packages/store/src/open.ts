import { type ObjectStore, UserError, unreachable } from '@slipway/core';
import { HttpsStore } from './http-store.ts';
import { openLocalStore } from './local.ts';
import type { StoreOptions } from './options.ts';
import { parseStoreUrl } from './url.ts';

/**
 * Opens the mirror at a URL: `file:///directory`, or `https://host/prefix` for reading. Throws `UserError`
 * `input-invalid` for a URL that cannot be one, `not-supported` for a scheme that comes later, and `mirror-missing` when
 * `requireExisting` is set and the directory does not exist.
 */
export async function openStore(url: string, options: StoreOptions = {}): Promise<ObjectStore> {
  const place = parseStoreUrl(url);
  switch (place.kind) {
    case 'file':
      return openLocalStore(url, options);
    case 'https':
      return new HttpsStore(place.url, place.baseUrl, {
        clock: options.clock,
        proxyEnvironment: options.proxyEnvironment,
      });
    case 's3':
      throw new UserError('not-supported', 's3:// mirrors come with a later version.', {
        hint: 'Use a file:// mirror for now.',
      });
    default:
      return unreachable(place);
  }
}
