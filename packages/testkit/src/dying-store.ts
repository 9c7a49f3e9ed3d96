import type { ObjectStore } from '@slipway/core';

/** Thrown by every call of a store that died, because a killed process never returns from it. */
export class StoreDied extends Error {
  override readonly name = 'StoreDied';
}

export interface DyingStore {
  readonly store: ObjectStore;
  /** Whether a call was refused. */
  hasDied(): boolean;
}

/**
 * A store that dies just before its `change`-th change (from 1): neither that write, copy or deletion nor any later call takes
 * effect. What a run leaves behind depends only on the changes that it made, so whoever tries every change has tried a death
 * before and after every call, reads included.
 */
export function dyingStore(store: ObjectStore, change: number): DyingStore {
  let changes = 0;
  let died = false;
  const read = <Answer>(make: () => Answer): Answer => {
    if (died) throw new StoreDied();
    return make();
  };
  const changing = <Answer>(make: () => Answer): Answer => {
    changes += 1;
    if (changes >= change) died = true;
    return read(make);
  };
  const { readRange, copy, deleteMany, endAbandonedUploads, nowMs, fileSource } = store;
  return {
    hasDied: () => died,
    store: {
      url: store.url,
      writable: store.writable,
      listable: store.listable,
      head: async (key, options) => read(() => store.head(key, options)),
      read: async (key, options) => read(() => store.read(key, options)),
      readStream: async (key, options) => read(() => store.readStream(key, options)),
      ...(readRange && {
        readRange: async (key, range) => read(() => readRange.call(store, key, range)),
      }),
      async *list(prefix, options) {
        yield* read(() => store.list(prefix, options));
      },
      write: async (key, source, options) => changing(() => store.write(key, source, options)),
      delete: async (key) => changing(() => store.delete(key)),
      ...(copy && {
        copy: async (from, key, options) => changing(() => copy.call(store, from, key, options)),
      }),
      ...(deleteMany && { deleteMany: async (keys) => changing(() => deleteMany.call(store, keys)) }),
      ...(endAbandonedUploads && {
        endAbandonedUploads: async (isOurs) => changing(() => endAbandonedUploads.call(store, isOurs)),
      }),
      ...(nowMs && { nowMs: async () => read(() => nowMs.call(store)) }),
      ...(fileSource && { fileSource: async (key) => read(() => fileSource.call(store, key)) }),
    },
  };
}
