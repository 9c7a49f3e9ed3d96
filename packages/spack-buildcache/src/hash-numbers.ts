import { randomBytes } from 'node:crypto';
import { UserError } from '@slipway/core';
import { hashTextOf, hashWordCount, hashWordsAt, hashWordsOf, mixedHash, sameHash } from './dag-hash.ts';

const minCapacity = 64;

/** Numbers DAG hashes from 0 in the order in which they are added, in 32 bytes each, where a `Map` takes 150. */
export class HashNumbers {
  #words = new Int32Array(minCapacity * hashWordCount);
  /** The number of a hash plus one, at the first free slot after its mixed bits; 0 if free. */
  #slots = new Int32Array(minCapacity * 2);
  #size = 0;
  readonly #seed = randomBytes(4).readInt32LE();
  readonly #probe = new Int32Array(hashWordCount);

  get size(): number {
    return this.#size;
  }

  /** The number of a hash; -1 if it has none. */
  find(hash: string): number {
    return hashWordsOf(hash, this.#probe) ? this.#find() : -1;
  }

  /** The number of the hash at `position`, assigned if it is new; -1 if there is no hash there. */
  addAt(bytes: Uint8Array, position: number): number {
    return hashWordsAt(bytes, position, this.#probe) ? this.#add() : -1;
  }

  /** The number of a hash, assigned if it is new. Throws `UserError` `name-invalid` if it is not a DAG hash. */
  add(hash: string): number {
    if (hashWordsOf(hash, this.#probe)) return this.#add();
    throw new UserError('name-invalid', 'a package index can only list DAG hashes');
  }

  /** Gives a hash a new number, after all others. */
  renew(id: number): number {
    this.#probe.set(this.#words.subarray(id * hashWordCount, (id + 1) * hashWordCount));
    const slot = this.#slot();
    return this.#append(slot);
  }

  textOf(id: number): string {
    return hashTextOf(this.#words, id * hashWordCount);
  }

  #find(): number {
    return (this.#slots[this.#slot()] ?? 0) - 1;
  }

  #add(): number {
    const slot = this.#slot();
    const id = (this.#slots[slot] ?? 0) - 1;
    return id >= 0 ? id : this.#append(slot);
  }

  #append(slot: number): number {
    const id = this.#size;
    this.#size += 1;
    if (this.#words.length < this.#size * hashWordCount) this.#words = widened(this.#words);
    this.#words.set(this.#probe, id * hashWordCount);
    this.#slots[slot] = id + 1;
    if (this.#size * 2 > this.#slots.length) this.#rehash();
    return id;
  }

  /** The slot of the hash in `#probe`, or the one it would take. */
  #slot(): number {
    const mask = this.#slots.length - 1;
    let slot = mixedHash(this.#probe, 0, this.#seed) & mask;
    for (;;) {
      const id = (this.#slots[slot] ?? 0) - 1;
      if (id < 0 || sameHash(this.#words, id * hashWordCount, this.#probe, 0)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #rehash(): void {
    this.#slots = new Int32Array(this.#slots.length * 2);
    for (let id = 0; id < this.#size; id += 1) {
      this.#probe.set(this.#words.subarray(id * hashWordCount, (id + 1) * hashWordCount));
      // Later numbers overwrite earlier ones, so the newest number of a hash remains.
      this.#slots[this.#slot()] = id + 1;
    }
  }
}

function widened(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const wider = new Int32Array(array.length * 2);
  wider.set(array);
  return wider;
}
