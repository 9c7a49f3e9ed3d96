import fs from 'node:fs';
import { type ObjectStore, printable, UserError, unreachable } from '@slipway/core';
import { FileStore } from './file-store.ts';
import { HttpsStore } from './http-store.ts';
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
      if (options.requireExisting === true) assertDirectory(place.url, place.directory);
      return new FileStore(place.url, place.directory, { clock: options.clock });
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

function assertDirectory(url: string, directory: string): void {
  if (fs.statSync(directory, { throwIfNoEntry: false })?.isDirectory() === true) return;
  throw new UserError('mirror-missing', `There is no mirror at "${printable(url)}": it is not a directory.`, {
    hint: 'Check the path; a first publish makes the directory.',
  });
}
