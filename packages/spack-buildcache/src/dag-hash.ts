import { hash as hashOnce } from 'node:crypto';
import type { SpecNode } from './spec-node.ts';

/**
 * DAG hashes as numbers: 32 characters of base 32, six to a 30-bit word. Large tables store and compare these in a quarter
 * of the memory that strings take.
 */
export const hashWordCount = 6;
export const dagHashCharacters = 32;
const charactersPerWord = 6;

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
/** The value of a character; 32 for an invalid one. */
const digits = new Uint8Array(256).fill(32);
for (let value = 0; value < alphabet.length; value += 1) digits[alphabet.charCodeAt(value)] = value;

/** Writes the words of `text` to `words` from `at`. Returns false if it is not a DAG hash. */
export function hashWordsOf(text: string, words: Int32Array, at = 0): boolean {
  if (text.length !== dagHashCharacters) return false;
  let seen = 0;
  let position = 0;
  for (let word = 0; word < hashWordCount; word += 1) {
    const end = Math.min(position + charactersPerWord, dagHashCharacters);
    let value = 0;
    for (; position < end; position += 1) {
      const digit = digits[text.charCodeAt(position)] ?? 32;
      seen |= digit;
      value = (value << 5) | (digit & 31);
    }
    words[at + word] = value;
  }
  return seen < 32;
}

/** The same for the text at `position` in `bytes`. */
export function hashWordsAt(bytes: Uint8Array, position: number, words: Int32Array, at = 0): boolean {
  if (position + dagHashCharacters > bytes.length) return false;
  let seen = 0;
  let character = 0;
  for (let word = 0; word < hashWordCount; word += 1) {
    const end = Math.min(character + charactersPerWord, dagHashCharacters);
    let value = 0;
    for (; character < end; character += 1) {
      const digit = digits[bytes[position + character] ?? 0] ?? 32;
      seen |= digit;
      value = (value << 5) | (digit & 31);
    }
    words[at + word] = value;
  }
  return seen < 32;
}

const characters = Buffer.from(alphabet);
const scratch = Buffer.alloc(dagHashCharacters);

/** The DAG hash of the words in `words` from `at`. */
export function hashTextOf(words: Int32Array, at = 0): string {
  let position = 0;
  for (let word = 0; word < hashWordCount; word += 1) {
    const value = words[at + word] ?? 0;
    const count = Math.min(charactersPerWord, dagHashCharacters - position);
    for (let index = count - 1; index >= 0; index -= 1) {
      scratch[position] = characters[(value >> (index * 5)) & 31] ?? 0;
      position += 1;
    }
  }
  // Flat: a string built character by character would keep all its intermediate strings in memory.
  return scratch.toString('latin1');
}

export function sameHash(left: Int32Array, leftAt: number, right: Int32Array, rightAt: number): boolean {
  for (let word = 0; word < hashWordCount; word += 1) {
    if (left[leftAt + word] !== right[rightAt + word]) return false;
  }
  return true;
}

/** A 32-bit number for table lookups. `seed` cannot be guessed, so nobody can construct colliding hashes. */
export function mixedHash(words: Int32Array, at: number, seed: number): number {
  let mixed = seed;
  for (let word = 0; word < hashWordCount; word += 1) {
    mixed = Math.imul(mixed ^ (words[at + word] ?? 0), 0x9e3779b1);
    mixed ^= mixed >>> 15;
  }
  return mixed;
}

/** Whether the SHA-1 in `digest` agrees, in base 32, with the first `characterCount` characters of the DAG hash `text`. */
function isHashOfDigest(digest: Uint8Array, text: string, characterCount: number): boolean {
  if (text.length !== dagHashCharacters || digest.length * 8 !== dagHashCharacters * 5) return false;
  let bits = 0;
  let bitCount = 0;
  let character = 0;
  for (const byte of digest) {
    bits = ((bits << 8) | byte) & 0xffff;
    bitCount += 8;
    while (bitCount >= 5 && character < characterCount) {
      bitCount -= 5;
      if (digits[text.charCodeAt(character)] !== ((bits >> bitCount) & 31)) return false;
      character += 1;
    }
  }
  return true;
}

/**
 * Whether a node's DAG hash is that of its own content, as Spack 1.x computes it: SHA-1 of the node's JSON without `hash`,
 * in base 32. Also false for nodes hashed by another version of Spack or by a splice, so false does not prove tampering.
 */
export function dagHashMatchesContent(node: SpecNode): boolean {
  return digestMatchesDagHash(node, dagHashCharacters);
}

/** The same for only the first `characterCount` characters of the hash. */
export function digestMatchesDagHash(node: SpecNode, characterCount: number): boolean {
  const text = Buffer.from(node.json.buffer, node.json.byteOffset, node.json.byteLength);
  const tail = `,"hash":"${node.hash}"}`;
  const end = text.length - tail.length;
  if (end < 0 || text.toString('latin1', end) !== tail) return false;
  const hashed = Buffer.allocUnsafe(end + 1);
  text.copy(hashed, 0, 0, end);
  hashed[end] = 0x7d;
  return isHashOfDigest(hashOnce('sha1', hashed, 'buffer'), node.hash, characterCount);
}
