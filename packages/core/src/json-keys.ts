/** Up to this many keys of an object are compared one by one, which is faster than a set. */
const linearKeyLimit = 24;
/** Numbers stored per key: start, end, mark. */
const keyNumbers = 3;
/** Marks a key that contains an escape and must be decoded before comparing. */
const escapedMark = -1;

/** The keys of the objects of a JSON text that are being skipped, as places in it: strings would take longer to make. */
export class JsonKeys {
  readonly #bytes: Uint8Array;
  /** Innermost object on top. */
  readonly #keys: number[] = [];

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Begins an object. Gives where its keys start, for the other methods. */
  begin(): number {
    return this.#keys.length;
  }

  end(first: number): void {
    this.#keys.length = first;
  }

  hasRoom(first: number): boolean {
    return this.#keys.length - first < linearKeyLimit * keyNumbers;
  }

  /** Adds a key with its quotes; false if the object has it already. */
  add(first: number, start: number, end: number, isEscaped: boolean): boolean {
    const bytes = this.#bytes;
    const keys = this.#keys;
    // Different keys usually differ here already.
    const mark = isEscaped
      ? escapedMark
      : ((end - start) << 16) | ((bytes[start + 1] ?? 0) << 8) | (bytes[end - 2] ?? 0);
    for (let index = first; index < keys.length; index += keyNumbers) {
      const otherMark = keys[index + 2] ?? 0;
      if (mark !== otherMark && mark !== escapedMark && otherMark !== escapedMark) continue;
      const otherStart = keys[index] ?? 0;
      const otherEnd = keys[index + 1] ?? 0;
      const same =
        mark === escapedMark || otherMark === escapedMark
          ? this.text(start, end) === this.text(otherStart, otherEnd)
          : this.#sameBytes(start, end, otherStart, otherEnd);
      if (same) return false;
    }
    keys.push(start, end, mark);
    return true;
  }

  /** The keys of an object as strings. */
  texts(first: number): Set<string> {
    const set = new Set<string>();
    for (let index = first; index < this.#keys.length; index += keyNumbers) {
      set.add(this.text(this.#keys[index] ?? 0, this.#keys[index + 1] ?? 0));
    }
    return set;
  }

  text(start: number, end: number): string {
    const bytes = this.#bytes;
    const value: unknown = JSON.parse(
      Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8'),
    );
    return String(value);
  }

  #sameBytes(start: number, end: number, otherStart: number, otherEnd: number): boolean {
    if (end - start !== otherEnd - otherStart) return false;
    for (let offset = end - start - 2; offset > 0; offset -= 1) {
      if (this.#bytes[start + offset] !== this.#bytes[otherStart + offset]) return false;
    }
    return true;
  }
}
