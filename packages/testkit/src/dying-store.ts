import type { ObjectStore } from '@slipway/core';

/** Whether a store dies before or after it carries out its last call. */
export type DyingMoment = 'before' | 'after';

/** Thrown by every call of a store that died, because a killed process never returns from it. */
export class StoreDied extends Error {
  override readonly name = 'StoreDied';
}

/**
 * A store whose `call`-th call (from 1) never returns: it is not made, or it is made and nobody learns of it. The same holds for any
 * call after it. `calls()` says how many were made, so that a test can try every one of them.
 */
export function dyingStore(
  store: ObjectStore,
  call: number,
  moment: DyingMoment,
): { readonly store: ObjectStore; calls(): number } {
  let calls = 0;
  const counted = async <Answer>(make: () => Promise<Answer>): Promise<Answer> => {
    calls += 1;
    if (calls > call || (calls === call && moment === 'before')) throw new StoreDied();
    const isLast = calls === call;
    const answer = await make();
    if (isLast) throw new StoreDied();
    return answer;
  };
  const { copy, deleteMany, endAbandonedUploads, nowMs, fileSource } = store;
  return {
    calls: () => calls,
    store: {
      url: store.url,
      writable: store.writable,
      listable: store.listable,
      head: (key) => counted(() => store.head(key)),
      read: (key, options) => counted(() => store.read(key, options)),
      readStream: (key, options) => counted(() => store.readStream(key, options)),
      async *list(prefix, options) {
        yield* await counted(async () => store.list(prefix, options));
      },
      write: (key, source, options) => counted(() => store.write(key, source, options)),
      delete: (key) => counted(() => store.delete(key)),
      ...(copy && { copy: (from, key, options) => counted(() => copy.call(store, from, key, options)) }),
      ...(deleteMany && { deleteMany: (keys) => counted(() => deleteMany.call(store, keys)) }),
      ...(endAbandonedUploads && {
        endAbandonedUploads: (isOurs) => counted(() => endAbandonedUploads.call(store, isOurs)),
      }),
      ...(nowMs && { nowMs: () => counted(() => nowMs.call(store)) }),
      ...(fileSource && { fileSource: (key) => counted(() => fileSource.call(store, key)) }),
    },
  };
}
