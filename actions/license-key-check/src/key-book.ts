import type { Customer } from './customer.ts';

const lettersAndDigits = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'];

/** The keys of a run, whose they are, and what they are made of. */
export class KeyBook {
  readonly #owners = new Map<string, Customer>();
  readonly #characters: Set<string>;
  readonly #separators: readonly string[];

  constructor(separators: readonly string[], characters: Iterable<string> = []) {
    this.#separators = separators;
    this.#characters = new Set(characters);
  }

  /** A book without keys, with the characters of this one. */
  emptied(): KeyBook {
    return new KeyBook(this.#separators, this.#characters);
  }

  /** Who got this key first, or undefined when nobody did; then it is `customer`'s from now on. */
  ownerOrNew(key: string, customer: Customer): Customer | undefined {
    const owner = this.#owners.get(key);
    if (owner === undefined) {
      this.#owners.set(key, customer);
      for (const character of key) if (!this.#separators.includes(character)) this.#characters.add(character);
    }
    return owner;
  }

  /** What stands for an alphabet that is not given. */
  alphabet(): readonly string[] {
    return this.#characters.size < 2 ? lettersAndDigits : [...this.#characters].sort();
  }
}
