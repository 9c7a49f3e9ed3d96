import fs from 'node:fs';
import { type Clock, printable, UserError } from '@slipway/core';
import { FileStore } from './file/store.ts';
import { parseStoreUrl } from './url.ts';

// What needs no network, apart: an action that imports only this has no HTTP client and no AWS SDK in its bundle.
export { parseStoreUrl, parseWritableStoreUrl, type StoreUrl } from './url.ts';

export interface LocalStoreOptions {
  /** The real clock of this machine when not given. */
  readonly clock?: Clock | undefined;
  /** Opening fails with `mirror-missing` unless the directory is there. Otherwise the first write makes it. */
  readonly requireExisting?: boolean | undefined;
}

/**
 * Opens the directory at a `file://` URL. Throws `UserError` `input-invalid` for any other URL, and `mirror-missing` when
 * `requireExisting` is set and there is no directory.
 */
export function openLocalStore(url: string, options: LocalStoreOptions = {}): FileStore {
  const place = parseStoreUrl(url);
  if (place.kind !== 'file') {
    throw new UserError('input-invalid', `"${printable(url)}" is not a directory on this machine.`, {
      hint: 'Write file:///absolute/directory.',
    });
  }
  if (options.requireExisting === true) assertDirectory(place.url, place.directory);
  return new FileStore(place.url, place.directory, { clock: options.clock });
}

function assertDirectory(url: string, directory: string): void {
  if (fs.statSync(directory, { throwIfNoEntry: false })?.isDirectory() === true) return;
  throw new UserError('mirror-missing', `There is nothing at "${printable(url)}": it is not a directory.`, {
    hint: 'Check the path; a first publish makes the directory.',
  });
}
