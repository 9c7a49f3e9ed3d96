import { UserError } from './errors.ts';

const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const comma = 0x2c;
const colon = 0x3a;

/** Up to this many keys of an object are compared one by one, which is faster than a set. */
const linearKeyLimit = 24;
/** Numbers stored per key: start, end, mark. */
const keyNumbers = 3;
/** Marks a key that contains an escape and must be decoded before comparing. */
const escapedMark = -1;

/** What can be wrong with untrusted JSON, as distinct findings. */
export type JsonFault = 'json-malformed' | 'json-too-deep' | 'json-duplicate-key';

export class JsonError extends UserError {
  readonly fault: JsonFault;
  /** What is wrong, without the position. */
  readonly reason: string;
  /** The byte offset of the problem; for strings, where the string starts. */
  readonly offset: number;

  /** `words` replace the reason and the offset with a message for the author of the text. */
  constructor(
    fault: JsonFault,
    reason: string,
    offset: number,
    words: { readonly message?: string; readonly hint?: string | undefined } = {},
  ) {
    super('content-invalid', words.message ?? `${reason} at byte ${offset}`, { hint: words.hint });
    this.fault = fault;
    this.reason = reason;
    this.offset = offset;
  }
}

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
  /** Keys of the objects being skipped, innermost on top. */
  readonly #keys: number[] = [];
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
        if (seen.has(key)) this.fail('the same key twice in one object', 'json-duplicate-key');
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
    const keys = this.#keys;
    const first = keys.length;
    let many: Set<string> | undefined;
    do {
      if (this.peek() !== quote) this.fail('expected a key');
      const start = this.#skipString();
      if (many === undefined && keys.length - first < linearKeyLimit * keyNumbers) {
        this.#addKey(first, start, this.position);
      } else {
        many ??= this.#keySet(first);
        const key = this.#keyText(start, this.position);
        if (many.has(key)) this.fail('the same key twice in one object', 'json-duplicate-key');
        many.add(key);
      }
      this.expect(colon);
      this.#skip();
    } while (this.#another(closeBrace));
    keys.length = first;
    this.#depth -= 1;
  }

  /** Adds a key to its object's keys, which start at `first`. */
  #addKey(first: number, start: number, end: number): void {
    const { bytes } = this;
    const keys = this.#keys;
    // Different keys usually differ here already.
    const mark = this.#sawEscape
      ? escapedMark
      : ((end - start) << 16) | ((bytes[start + 1] ?? 0) << 8) | (bytes[end - 2] ?? 0);
    for (let index = first; index < keys.length; index += keyNumbers) {
      const otherMark = keys[index + 2] ?? 0;
      if (mark !== otherMark && mark !== escapedMark && otherMark !== escapedMark) continue;
      const otherStart = keys[index] ?? 0;
      const otherEnd = keys[index + 1] ?? 0;
      const same =
        mark === escapedMark || otherMark === escapedMark
          ? this.#keyText(start, end) === this.#keyText(otherStart, otherEnd)
          : this.#sameBytes(start, end, otherStart, otherEnd);
      if (same) this.fail('the same key twice in one object', 'json-duplicate-key');
    }
    keys.push(start, end, mark);
  }

  #sameBytes(start: number, end: number, otherStart: number, otherEnd: number): boolean {
    if (end - start !== otherEnd - otherStart) return false;
    for (let offset = end - start - 2; offset > 0; offset -= 1) {
      if (this.bytes[start + offset] !== this.bytes[otherStart + offset]) return false;
    }
    return true;
  }

  #keySet(first: number): Set<string> {
    const set = new Set<string>();
    for (let index = first; index < this.#keys.length; index += keyNumbers) {
      set.add(this.#keyText(this.#keys[index] ?? 0, this.#keys[index + 1] ?? 0));
    }
    return set;
  }

  #keyText(start: number, end: number): string {
    const value: unknown = JSON.parse(
      Buffer.from(this.bytes.buffer, this.bytes.byteOffset + start, end - start).toString('utf8'),
    );
    return String(value);
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
    const { bytes } = this;
    const start = this.position;
    let position = start;
    if (bytes[position] === 0x2d) position += 1;
    const integerStart = position;
    while (isDigit(bytes[position])) position += 1;
    if (position === integerStart) this.fail('expected a value');
    if (bytes[integerStart] === 0x30 && position > integerStart + 1)
      this.fail('a number with a leading zero');
    if (bytes[position] === 0x2e) {
      const fractionStart = position + 1;
      position = fractionStart;
      while (isDigit(bytes[position])) position += 1;
      if (position === fractionStart) this.fail('a number without digits after its point');
    }
    if (bytes[position] === 0x65 || bytes[position] === 0x45) {
      position += 1;
      if (bytes[position] === 0x2b || bytes[position] === 0x2d) position += 1;
      const exponentStart = position;
      while (isDigit(bytes[position])) position += 1;
      if (position === exponentStart) this.fail('a number without digits in its exponent');
    }
    this.position = position;
  }
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
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
