import { isOwnDirectory, type ObjectStore, ownDirectory, RemoteError, UserError } from '@slipway/core';
import { listedPerWanted } from '@slipway/publishing';

export interface ListedObject {
  readonly sizeBytes: number;
  readonly etag: string | undefined;
}

export interface Listing {
  readonly objects: ReadonlyMap<string, ListedObject>;
  /** `denied`: listing is not allowed. `cut`: there are so many objects that requesting single ones is faster. */
  readonly extent: 'whole' | 'denied' | 'cut';
}

const maxListed = 5_000_000;
const minListed = 4_000;

/**
 * Lists the destination, without the store's own records. Unless `needsAll`, it gives up if the destination has far more objects
 * than the `wantedCount` that matter. Throws what the store throws.
 */
export async function listDestination(
  store: ObjectStore,
  options: {
    readonly needsAll: boolean;
    readonly wantedCount: number;
    /** As of `ObjectStore.list`. */
    readonly splits: readonly string[];
  },
): Promise<Listing> {
  const objects = new Map<string, ListedObject>();
  try {
    for await (const { key, sizeBytes, etag } of store.list('', { splits: options.splits })) {
      if (isOwn(key)) continue;
      objects.set(key, { sizeBytes, etag });
      if (objects.size > maxListed) throw tooMany();
      if (options.needsAll || objects.size < minListed) continue;
      if (objects.size > minListed + listedPerWanted * options.wantedCount) {
        return { objects, extent: 'cut' };
      }
    }
    return { objects, extent: 'whole' };
  } catch (error) {
    if (options.needsAll || !(error instanceof RemoteError) || error.code !== 'access-denied') throw error;
    return { objects: new Map(), extent: 'denied' };
  }
}

function tooMany(): UserError {
  return new UserError(
    'too-large',
    `The destination has more than ${maxListed.toLocaleString('en-US')} objects.`,
    {
      hint: 'Publish to a prefix with fewer objects, or without delete.',
    },
  );
}

/** Whether a key is in the directory that stores and the inventory use for their own records. */
function isOwn(key: string): boolean {
  const [first = ''] = key.split('/', 1);
  return isOwnDirectory(first);
}

/** Whether a key is in such a directory of a destination below this one. */
export function isOwnBelow(key: string): boolean {
  return `/${key.toLowerCase()}`.includes(`/${ownDirectory}/`);
}
