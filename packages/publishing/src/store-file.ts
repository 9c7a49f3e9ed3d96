import { isConditionFailed, type ObjectStore, type WriteOptions } from '@slipway/core';
import { hasSameBytes } from './check-stored.ts';

export interface FileToStore {
  readonly key: string;
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

export interface StoreFileOptions extends Omit<WriteOptions, 'sha256' | 'onBytes'> {
  /** Called as bytes are stored: each byte counts once, also when it is sent again. */
  readonly onBytes: (count: number) => void;
  /** Stores the object in another way; the file is sent where it gives undefined. */
  readonly copy?: (options: WriteOptions) => Promise<{ readonly etag: string } | undefined>;
  /** The error for an object with other bytes that another publisher stored first. */
  readonly conflict: (cause: unknown) => Error;
}

/**
 * Stores a file, and gives its ETag; undefined when another publisher stored the same bytes first (I2). Throws what the store
 * throws, and `conflict` when the condition does not hold and the stored bytes are others.
 */
export async function storeFile(
  store: ObjectStore,
  file: FileToStore,
  { onBytes, copy, conflict, ...options }: StoreFileOptions,
): Promise<string | undefined> {
  const { key, path, sizeBytes, sha256 } = file;
  let countedBytes = 0;
  const count = (bytes: number): void => {
    const more = Math.min(bytes, sizeBytes - countedBytes);
    countedBytes += more;
    if (more > 0) onBytes(more);
  };
  const write: WriteOptions = { ...options, sha256, onBytes: count };
  let etag: string | undefined;
  try {
    ({ etag } = (await copy?.(write)) ?? (await store.write(key, { kind: 'file', path, sizeBytes }, write)));
  } catch (error) {
    if (!isConditionFailed(error)) throw error;
    // The first answer to our own write may also have been lost.
    if (!(await hasSameBytes(store, file))) throw conflict(error);
  }
  count(sizeBytes);
  return etag;
}
