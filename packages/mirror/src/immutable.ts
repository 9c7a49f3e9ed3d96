import { isConditionFailed, type ObjectStore, UserError, type WriteSource } from '@slipway/core';

/**
 * Stores a content-addressed object and returns whether it was written. An existing object of the same size is left
 * alone (I2); one of another size throws `UserError` `immutable-conflict`.
 */
export async function writeImmutable(
  store: ObjectStore,
  key: string,
  source: WriteSource,
  contentType: string,
  sha256: string,
): Promise<boolean> {
  try {
    await store.write(key, source, { condition: 'absent', contentType, cache: 'immutable', sha256 });
    return true;
  } catch (error) {
    if (!isConditionFailed(error)) throw error;
    const sizeBytes = source.kind === 'bytes' ? source.bytes.length : source.sizeBytes;
    const existing = await store.head(key);
    if (existing?.sizeBytes === sizeBytes) return false;
    throw new UserError(
      'immutable-conflict',
      `${key} is stored with ${existing?.sizeBytes ?? 0} bytes, not ${sizeBytes}`,
      {
        hint: 'The stored object is damaged. Run buildcache-verify with level: full, and remove what it names.',
      },
    );
  }
}

/** Like `writeImmutable`, but also leaves an object of another size alone. */
export async function writeUnlessConflicting(...write: Parameters<typeof writeImmutable>): Promise<boolean> {
  try {
    return await writeImmutable(...write);
  } catch (error) {
    if (error instanceof UserError && error.code === 'immutable-conflict') return false;
    throw error;
  }
}
