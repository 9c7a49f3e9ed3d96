import { hash } from 'node:crypto';
import { asSlipwayError, isConditionFailed, type ObjectStore, sentence } from '@slipway/core';
import {
  formatInventory,
  type Inventory,
  type InventoryObject,
  type InventoryRecord,
  inventoryContentType,
  inventoryKey,
  keyDigest,
  parseInventory,
  recordOf,
} from './inventory.ts';

const maxPackedBytes = 512 * 2 ** 20;

/**
 * The inventory of a destination during a run: what was read, and what the run changes. It is a cache: its failure never ends a
 * run, and if another run writes it concurrently, that version stays.
 */
export class InventoryKeeper {
  readonly #store: ObjectStore;
  readonly #records: Map<string, InventoryRecord>;
  readonly #notice: (line: string) => void;
  #condition: 'absent' | { readonly etag: string } | undefined;
  #isChanged = false;
  #saving: Promise<void> = Promise.resolve();

  private constructor(
    store: ObjectStore,
    read: {
      readonly records: Map<string, InventoryRecord>;
      readonly condition: 'absent' | { readonly etag: string } | undefined;
    },
    notice: (line: string) => void,
  ) {
    this.#store = store;
    this.#records = read.records;
    this.#condition = read.condition;
    this.#notice = notice;
  }

  /** Reads the inventory of a destination. A missing or damaged one counts as empty. */
  static async open(store: ObjectStore, notice: (line: string) => void): Promise<InventoryKeeper> {
    const records = new Map<string, InventoryRecord>();
    try {
      const stored = await store.read(inventoryKey, { maxBytes: maxPackedBytes });
      if (stored === undefined) return new InventoryKeeper(store, { records, condition: 'absent' }, notice);
      const { etag } = stored.info;
      const condition = etag === undefined ? undefined : { etag };
      const keeper = new InventoryKeeper(store, { records, condition }, notice);
      await keeper.#fill(stored.body);
      return keeper;
    } catch (error) {
      // If it cannot be read, it is not written either, which would replace unknown contents.
      notice(sentence(`The inventory of the destination is not used: ${asSlipwayError(error).message}`));
      return new InventoryKeeper(store, { records: new Map(), condition: undefined }, notice);
    }
  }

  /** For a destination without an inventory: records and writes nothing. */
  static none(store: ObjectStore): InventoryKeeper {
    return new InventoryKeeper(store, { records: new Map(), condition: undefined }, () => undefined);
  }

  async #fill(packed: Uint8Array): Promise<void> {
    try {
      for (const [key, record] of await parseInventory(packed)) this.#records.set(key, record);
    } catch (error) {
      this.#notice(sentence(`The inventory of the destination is rebuilt: ${asSlipwayError(error).message}`));
      this.#isChanged = true;
    }
  }

  get records(): Inventory {
    return this.#records;
  }

  /** Records an object; removes it if its ETag is unknown. */
  set(key: string, object: Omit<InventoryObject, 'etag'> & { readonly etag: string | undefined }): void {
    if (this.#condition === undefined) return;
    const { etag } = object;
    if (etag === undefined || etag === '') {
      this.forget(key);
      return;
    }
    const record = recordOf(key, { ...object, etag });
    const digest = keyDigest(key);
    const known = this.#records.get(digest);
    const isKnown =
      known?.state === record.state && known.content === record.content && known.headers === record.headers;
    if (isKnown) return;
    this.#records.set(digest, record);
    this.#isChanged = true;
  }

  forget(key: string): void {
    if (this.#records.delete(keyDigest(key))) this.#isChanged = true;
  }

  /** Removes all objects except these. */
  keepOnly(keys: Iterable<string>): void {
    const kept = new Set<string>();
    for (const key of keys) kept.add(keyDigest(key));
    for (const digest of this.#records.keys()) {
      if (kept.has(digest)) continue;
      this.#records.delete(digest);
      this.#isChanged = true;
    }
  }

  /** Writes what changed, unless another run wrote the inventory since it was read. Never throws. */
  async save(): Promise<void> {
    this.#saving = this.#saving.then(() => this.#saveNow());
    await this.#saving;
  }

  async #saveNow(): Promise<void> {
    const condition = this.#condition;
    if (!this.#isChanged || condition === undefined) return;
    this.#isChanged = false;
    try {
      // A copy: objects are stored while it is packed.
      const bytes = await formatInventory(new Map(this.#records));
      const sha256 = hash('sha256', bytes);
      const source = { kind: 'bytes', bytes } as const;
      const { etag } = await this.#store.write(inventoryKey, source, {
        condition,
        contentType: inventoryContentType,
        cache: 'document',
        sha256,
      });
      this.#condition = { etag };
    } catch (error) {
      this.#condition = undefined;
      this.#notice(
        isConditionFailed(error)
          ? 'Another publisher wrote the inventory of the destination during this run, which therefore leaves it alone.'
          : `The inventory of the destination was not written: ${asSlipwayError(error).message}`,
      );
    }
  }
}
