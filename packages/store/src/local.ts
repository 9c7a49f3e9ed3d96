import fs from 'node:fs';
import { type Clock, printable, UserError } from '@slipway/core';
import { FileStore } from './file/store.ts';
import { parseStoreUrl } from './url.ts';

// A separate file, so that actions without network stores bundle no HTTP client and no AWS SDK.
export { parseStoreUrl, parseWritableStoreUrl, type StoreUrl } from './url.ts';

export interface LocalStoreOptions {
  /** The machine's real clock by default. */
  readonly clock?: Clock | undefined;
  /** Fail with `mirror-missing` if the directory does not exist. Otherwise the first write creates it. */
  readonly requireExisting?: boolean | undefined;
}

/**
 * Opens the directory at a `file://` URL. Throws `UserError` `input-invalid` for any other URL, and `mirror-missing` if
 * `requireExisting` is set and the directory does not exist.
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
    hint: 'Check the path; the first publish creates the directory.',
  });
}
