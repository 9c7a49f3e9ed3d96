const digestWords = 8;
const hexDigits = 64;
const minCapacity = 64;
const hexPerWord = hexDigits / digestWords;

/**
 * Numbers by SHA-256 (64 lower-case hex digits), in insertion order, in a quarter of the memory that a `Map` with string
 * keys takes for hundreds of thousands of blobs. Outsiders cannot force collisions, because nobody can choose a SHA-256.
 */
export class DigestMap implements Iterable<readonly [string, number]> {
  #words = new Uint32Array(minCapacity * digestWords);
  #values = new Float64Array(minCapacity);
  /** The index of a digest plus one, or 0 for an empty slot. */
  #slots = new Uint32Array(minCapacity * 2);
  #size = 0;
  readonly #probe = new Uint32Array(digestWords);
  readonly #scratch = Buffer.alloc(digestWords * 4);

  get size(): number {
    return this.#size;
  }

  has(sha256: string): boolean {
    return this.#find(sha256) >= 0;
  }

  get(sha256: string): number | undefined {
    const place = this.#find(sha256);
    return place < 0 ? undefined : this.#values[place];
  }

  set(sha256: string, value: number): void {
    let place = this.#find(sha256);
    if (place < 0) {
      place = this.#size;
      this.#size += 1;
      if (this.#size > this.#values.length) this.#widen();
      this.#words.set(this.#probe, place * digestWords);
      this.#slots[this.#slot()] = place + 1;
    }
    this.#values[place] = value;
  }

  *keys(): Generator<string> {
    for (let place = 0; place < this.#size; place += 1) yield this.#text(place);
  }

  *values(): Generator<number> {
    for (let place = 0; place < this.#size; place += 1) yield this.#values[place] ?? 0;
  }

  *[Symbol.iterator](): Generator<readonly [string, number]> {
    for (let place = 0; place < this.#size; place += 1) {
      yield [this.#text(place), this.#values[place] ?? 0];
    }
  }

  #text(place: number): string {
    for (let word = 0; word < digestWords; word += 1) {
      this.#scratch.writeUInt32BE(this.#words[place * digestWords + word] ?? 0, word * 4);
    }
    return this.#scratch.toString('hex');
  }

  /** The index of a digest. If it is missing: -1, with its words in `#probe`. */
  #find(sha256: string): number {
    if (sha256.length !== hexDigits) throw new RangeError('not a SHA-256');
    for (let word = 0; word < digestWords; word += 1) {
      this.#probe[word] = Number.parseInt(sha256.slice(word * hexPerWord, (word + 1) * hexPerWord), 16);
    }
    return (this.#slots[this.#slot()] ?? 0) - 1;
  }

  #slot(): number {
    const mask = this.#slots.length - 1;
    let slot = (this.#probe[0] ?? 0) & mask;
    for (;;) {
      const place = (this.#slots[slot] ?? 0) - 1;
      if (place < 0 || this.#isAt(place)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #isAt(place: number): boolean {
    for (let word = 0; word < digestWords; word += 1) {
      if (this.#words[place * digestWords + word] !== this.#probe[word]) return false;
    }
    return true;
  }

  #widen(): void {
    const words = new Uint32Array(this.#words.length * 2);
    words.set(this.#words);
    const values = new Float64Array(this.#values.length * 2);
    values.set(this.#values);
    const added = this.#probe.slice();
    this.#words = words;
    this.#values = values;
    this.#slots = new Uint32Array(values.length * 2);
    for (let place = 0; place < this.#size - 1; place += 1) {
      this.#probe.set(words.subarray(place * digestWords, (place + 1) * digestWords));
      this.#slots[this.#slot()] = place + 1;
    }
    this.#probe.set(added);
  }
}
