import { JsonError, type JsonFault } from './json-error.ts';
import { JsonKeys } from './json-keys.ts';
import { isDigit, numberEnd } from './json-number.ts';

const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const comma = 0x2c;
const colon = 0x3a;

/**
 * A cursor over one JSON text (RFC 8259), stricter than `JSON.parse`: it refuses duplicate keys (even spelled with
 * escapes), nesting deeper than `maxDepth`, invalid UTF-8 and lone surrogates, because readers disagree about those.
 * Callers can copy parts of a document byte for byte. Methods throw `JsonError`; time is linear in the size of the text.
 */
export class JsonScanner {
  readonly bytes: Uint8Array;
  readonly maxDepth: number;
  position: number;
  #depth = 0;
  /** Keys of the objects being skipped. */
  readonly #keys: JsonKeys;
  /** Whether the last string skipped had an escape. */
  #sawEscape = false;
  readonly #origin: number;

  /** `origin`: the offset of `bytes` in the whole text, for messages. */
  constructor(
    bytes: Uint8Array,
    options: { readonly maxDepth: number; readonly position?: number; readonly origin?: number },
  ) {
    this.bytes = bytes;
    this.maxDepth = options.maxDepth;
    this.position = options.position ?? 0;
    this.#origin = options.origin ?? 0;
    this.#keys = new JsonKeys(bytes);
  }

  fail(message: string, fault: JsonFault = 'json-malformed'): never {
    throw new JsonError(fault, message, this.#origin + this.position);
  }

  skipWhitespace(): void {
    const { bytes } = this;
    for (;;) {
      const byte = bytes[this.position];
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return;
      this.position += 1;
    }
  }

  /** The next byte after white space, without consuming it; -1 at the end. */
  peek(): number {
    const byte = this.bytes[this.position] ?? -1;
    if (byte > 0x20) return byte;
    this.skipWhitespace();
    return this.bytes[this.position] ?? -1;
  }

  /** Skips white space and then this byte, which must come next. */
  expect(byte: number): void {
    if (this.peek() !== byte) this.fail(`expected "${String.fromCharCode(byte)}"`);
    this.position += 1;
  }

  /** Skips exactly this ASCII text if it comes next, without examining it. */
  passes(text: string): boolean {
    for (let index = 0; index < text.length; index += 1) {
      if (this.bytes[this.position + index] !== text.charCodeAt(index)) return false;
    }
    this.position += text.length;
    return true;
  }

  /** Requires that only white space is left. */
  end(): void {
    if (this.peek() !== -1) this.fail('text after the end of the document');
  }

  /**
   * Reads an object and calls `member` for each key, with the cursor before the value. `member` must consume the value,
   * with `skipValue` if it is not needed.
   */
  object(member: (key: string) => void): void {
    this.expect(openBrace);
    this.#enter();
    const seen = new Set<string>();
    if (this.peek() !== closeBrace) {
      for (;;) {
        const key = this.string();
        if (seen.has(key)) this.#failKey();
        seen.add(key);
        this.expect(colon);
        member(key);
        if (!this.#another(closeBrace)) break;
      }
    } else {
      this.position += 1;
    }
    this.#depth -= 1;
  }

  /** Reads an array and calls `element` for each element, which must consume it. */
  array(element: (index: number) => void): void {
    this.expect(openBracket);
    this.#enter();
    if (this.peek() !== closeBracket) {
      for (let index = 0; ; index += 1) {
        element(index);
        if (!this.#another(closeBracket)) break;
      }
    } else {
      this.position += 1;
    }
    this.#depth -= 1;
  }

  string(): string {
    const start = this.#skipString();
    const text = Buffer.from(this.bytes.buffer, this.bytes.byteOffset + start, this.position - start);
    if (text.includes(backslash)) {
      const value: unknown = JSON.parse(text.toString('utf8'));
      if (typeof value !== 'string' || !value.isWellFormed()) this.fail('a lone surrogate in a string');
      return value;
    }
    return text.toString('utf8', 1, text.length - 1);
  }

  /** Reads a whole value, as `JSON.parse` would return it. */
  value(): unknown {
    const { start, end } = this.skipValue();
    return JSON.parse(
      Buffer.from(this.bytes.buffer, this.bytes.byteOffset + start, end - start).toString('utf8'),
    );
  }

  /** Checks a value strictly, skips it, and returns its byte range. */
  skipValue(): { readonly start: number; readonly end: number } {
    this.skipWhitespace();
    const start = this.position;
    this.#skip();
    return { start, end: this.position };
  }

  #skip(): void {
    switch (this.peek()) {
      case openBrace:
        this.#skipObject();
        break;
      case openBracket:
        this.#skipArray();
        break;
      case quote:
        this.#skipString();
        break;
      case 0x74:
        this.#literal('true');
        break;
      case 0x66:
        this.#literal('false');
        break;
      case 0x6e:
        this.#literal('null');
        break;
      default:
        this.#skipNumber();
    }
  }

  #enter(): void {
    this.#depth += 1;
    if (this.#depth > this.maxDepth) this.fail(`nested deeper than ${this.maxDepth}`, 'json-too-deep');
  }

  #another(close: number): boolean {
    const byte = this.peek();
    if (byte !== comma && byte !== close) this.fail(`expected "," or "${String.fromCharCode(close)}"`);
    this.position += 1;
    return byte === comma;
  }

  #skipArray(): void {
    this.position += 1;
    this.#enter();
    if (this.peek() === closeBracket) this.position += 1;
    else {
      do this.#skip();
      while (this.#another(closeBracket));
    }
    this.#depth -= 1;
  }

  /** Skips an object whose content is not needed; compares keys as bytes to avoid creating strings. */
  #skipObject(): void {
    this.position += 1;
    this.#enter();
    if (this.peek() === closeBrace) {
      this.position += 1;
      this.#depth -= 1;
      return;
    }
    const first = this.#keys.begin();
    let many: Set<string> | undefined;
    do {
      if (this.peek() !== quote) this.fail('expected a key');
      const start = this.#skipString();
      if (many === undefined && this.#keys.hasRoom(first)) {
        if (!this.#keys.add(first, start, this.position, this.#sawEscape)) this.#failKey();
      } else {
        many ??= this.#keys.texts(first);
        const key = this.#keys.text(start, this.position);
        if (many.has(key)) this.#failKey();
        many.add(key);
      }
      this.expect(colon);
      this.#skip();
    } while (this.#another(closeBrace));
    this.#keys.end(first);
    this.#depth -= 1;
  }

  #failKey(): never {
    this.fail('the same key twice in one object', 'json-duplicate-key');
  }

  /** Skips a string and returns the position of its opening quote. */
  #skipString(): number {
    const { bytes } = this;
    if (this.peek() !== quote) this.fail('expected a string');
    const start = this.position;
    let position = start + 1;
    let seen = 0;
    let escaped = false;
    let surrogates = false;
    for (;;) {
      const byte = bytes[position];
      if (byte === undefined) this.fail('a string without an end');
      if (byte === quote) break;
      if (byte < 0x20) this.fail('a control character in a string');
      if (byte === backslash) {
        escaped = true;
        const following = bytes[position + 1] ?? 0;
        if (following === 0x75) {
          for (let digit = 2; digit < 6; digit += 1) {
            if (!isHexDigit(bytes[position + digit] ?? 0)) this.fail('a broken \\u escape');
          }
          surrogates ||= (bytes[position + 2] ?? 0) === 0x64 || (bytes[position + 2] ?? 0) === 0x44;
          position += 6;
        } else {
          if (!'"\\/bfnrt'.includes(String.fromCharCode(following)))
            this.fail('an unknown escape in a string');
          position += 2;
        }
        continue;
      }
      seen |= byte;
      position += 1;
    }
    this.position = position + 1;
    this.#sawEscape = escaped;
    if (seen >= 0x80 || surrogates) this.#checkText(start, this.position);
    return start;
  }

  #checkText(start: number, end: number): void {
    const view = Buffer.from(this.bytes.buffer, this.bytes.byteOffset + start, end - start);
    const text = view.toString('utf8');
    if (Buffer.byteLength(text) !== view.length || text.includes('\ufffd')) {
      if (!view.equals(Buffer.from(text, 'utf8'))) this.fail('invalid UTF-8 in a string');
    }
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'string' || !value.isWellFormed()) this.fail('a lone surrogate in a string');
  }

  #literal(word: string): void {
    for (let index = 0; index < word.length; index += 1) {
      if (this.bytes[this.position + index] !== word.charCodeAt(index)) this.fail('an unknown word');
    }
    this.position += word.length;
  }

  #skipNumber(): void {
    const end = numberEnd(this.bytes, this.position);
    if (typeof end === 'string') this.fail(end);
    this.position = end;
  }
}

function isHexDigit(byte: number): boolean {
  return isDigit(byte) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);
}

/**
 * The value of an untrusted JSON text, parsed strictly (see `JsonScanner`). `maxDepth` counts nested objects and arrays.
 * Throws `JsonError`.
 */
export function parseStrictJson(text: Uint8Array | string, maxDepth = 64): unknown {
  const bytes = typeof text === 'string' ? Buffer.from(text, 'utf8') : text;
  const scanner = new JsonScanner(bytes, { maxDepth });
  const value = scanner.value();
  scanner.end();
  return value;
}
