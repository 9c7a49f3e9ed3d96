import type { Clock, ObjectStore, WriteOptions } from '@slipway/core';
import { everyPath } from './document.ts';
import { beginRemembering } from './pending.ts';

/** The CDN path of a key, if this write changes what must be served there. */
export type ReplacedPathOf = (key: string, options: Pick<WriteOptions, 'condition'>) => string | undefined;

export interface RememberingStore {
  /** The store; no write takes effect before the destination records what a CDN must forget because of it. */
  readonly store: ObjectStore;
  /** Records many at once; otherwise each would be written separately. */
  remember(paths: readonly string[]): Promise<void>;
  /** See `Remembered`. */
  complete(): Promise<void>;
}

/** Makes a store record what writes replace, for publishers whose writes are spread over the code. */
export function rememberingStore(
  store: ObjectStore,
  replacedPathOf: ReplacedPathOf,
  clock: Clock,
): RememberingStore {
  const remembering = beginRemembering(store, everyPath, clock);
  const { deleteMany, nowMs, fileSource } = store;
  return {
    remember: (paths) => remembering.add({ paths }),
    complete: () => remembering.complete(),
    store: {
      url: store.url,
      writable: store.writable,
      listable: store.listable,
      head: (key) => store.head(key),
      read: (key, options) => store.read(key, options),
      readStream: (key, options) => store.readStream(key, options),
      list: (prefix, options) => store.list(prefix, options),
      async write(key, source, options) {
        const path = replacedPathOf(key, options);
        if (path !== undefined) await remembering.add({ paths: [path] });
        return store.write(key, source, options);
      },
      delete: (key) => store.delete(key),
      ...(deleteMany && { deleteMany: (keys) => deleteMany.call(store, keys) }),
      ...(nowMs && { nowMs: () => nowMs.call(store) }),
      ...(fileSource && { fileSource: (key) => fileSource.call(store, key) }),
    },
  };
}
