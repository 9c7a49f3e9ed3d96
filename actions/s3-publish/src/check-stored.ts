import { type ObjectStore, printable, RemoteError, unreachable } from '@slipway/core';
import { readDigest } from './stored-digest.ts';

/** How it is proven that an object is stored: by what the store says of it, by reading it back, or by the answer to the write. */
export type Verification = 'head' | 'get' | 'none';

interface Expected {
  readonly key: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/**
 * Checks that an object which was just stored is there as it was sent. Throws `RemoteError` `unexpected-response` when it is
 * not.
 */
export async function checkStored(store: ObjectStore, expected: Expected, how: Verification): Promise<void> {
  switch (how) {
    case 'none':
      return;
    case 'head': {
      const info = await store.head(expected.key);
      if (info === undefined) throw notAsSent(expected.key, 'it is not there');
      if (info.sizeBytes !== expected.sizeBytes)
        throw notAsSent(expected.key, `it has ${info.sizeBytes} bytes`);
      // A directory does not know it without reading.
      if (info.sha256 !== undefined && info.sha256 !== expected.sha256)
        throw notAsSent(expected.key, 'it has another SHA-256');
      return;
    }
    case 'get': {
      const digest = await readDigest(store, expected.key, expected.sizeBytes);
      if (digest === undefined) throw notAsSent(expected.key, 'it is not there');
      if (digest.sha256 !== expected.sha256) throw notAsSent(expected.key, 'its bytes have another SHA-256');
      return;
    }
    default:
      unreachable(how);
  }
}

/** Whether the store has exactly these bytes under a key, by its word or else by reading them. */
export async function hasSameBytes(
  store: ObjectStore,
  { key, sizeBytes, sha256 }: Expected,
): Promise<boolean> {
  const info = await store.head(key);
  if (info === undefined || info.sizeBytes !== sizeBytes) return false;
  return (info.sha256 ?? (await readDigest(store, key, sizeBytes))?.sha256) === sha256;
}

function notAsSent(key: string, what: string): RemoteError {
  return new RemoteError('unexpected-response', `"${printable(key)}" was stored, but then ${what}.`, {
    hint: 'Another publisher may have stored the same key at the same time: let one at a time publish there, and run again.',
  });
}
