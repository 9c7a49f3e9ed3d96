import { counted, mapConcurrently, type ObjectStore, printable, RemoteError } from '@slipway/core';

const concurrentDeletions = 16;
/** Several requests' worth: progress is reported, and what is gone is known, after each call. */
const keysPerCall = 4_000;
const maxNamedFailures = 20;

export interface NotDeleted {
  readonly key: string;
  readonly reason: string;
}

/** Deletes objects, and gives those that the store refused to delete. `onDeleted` is called with each key that is gone. */
export async function deleteObjects(
  store: ObjectStore,
  keys: readonly string[],
  onDeleted: (key: string) => void,
): Promise<readonly NotDeleted[]> {
  if (store.deleteMany === undefined) {
    await mapConcurrently(keys, concurrentDeletions, async (key) => {
      await store.delete(key);
      onDeleted(key);
    });
    return [];
  }
  const failures: NotDeleted[] = [];
  for (let start = 0; start < keys.length; start += keysPerCall) {
    const some = keys.slice(start, start + keysPerCall);
    const left = await store.deleteMany(some);
    const leftKeys = new Set(left.map(({ key }) => key));
    for (const key of some) if (!leftKeys.has(key)) onDeleted(key);
    failures.push(...left);
  }
  return failures;
}

/** The error for objects that the store refused to delete. `consequence` continues "N objects were not deleted". */
export function notDeletedError(
  failures: readonly NotDeleted[],
  consequence: string,
  hint: string,
): RemoteError {
  const lines = failures
    .slice(0, maxNamedFailures)
    .map(({ key, reason }) => `  ${printable(key)}: ${printable(reason, 200)}`);
  if (failures.length > lines.length) lines.push(`  and ${failures.length - lines.length} more`);
  return new RemoteError(
    'store-failed',
    `${counted(failures.length, 'object was', 'objects were')} not deleted${consequence}:\n${lines.join('\n')}`,
    { hint },
  );
}
