import { JsonError, JsonScanner, UserError } from '@slipway/core';
import { isDagHash } from './layout.ts';

const maxIndexDepth = 40;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const comma = 0x2c;
const colon = 0x3a;

/** A record of an index; its node is `start` to `end` of the window. */
export interface ParsedRecord {
  readonly hash: string;
  readonly start: number;
  readonly end: number;
  readonly refCount: number;
  readonly inBuildcache: boolean;
}

/** Receives the records of an index. */
export interface RecordReceiver {
  /** The end of this hash's node if the checked text stands at `start`; otherwise 0. */
  knownEnd(hash: string, window: Uint8Array, start: number): number;
  /** Takes a record. Returns false if there already was one with this hash. */
  add(record: ParsedRecord, window: Uint8Array): boolean;
}

/** The objects around the records, outermost first. */
const levels = ['top', 'database', 'installs'] as const;

/**
 * Reads an index strictly, from windows that each begin where the previous one was read to. A member outside the records is
 * read once the window holds all of it.
 */
export class IndexParser {
  readonly #receiver: RecordReceiver;
  readonly #databaseVersion: number;
  #depth = 0;
  #isAfterMember = false;
  #isClosed = false;
  readonly #keys = { top: new Set<string>(), database: new Set<string>() };
  #sawInstalls = false;

  constructor(receiver: RecordReceiver, databaseVersion: number) {
    this.#receiver = receiver;
    this.#databaseVersion = databaseVersion;
  }

  /**
   * Reads as much of `window` as is certain and returns where it stopped: at the end if it `isLast`. `origin` is the
   * window's offset in the index, for messages. Throws `JsonError`, or `UserError`: `content-invalid` if it is not a
   * database of the stated version, `name-invalid` for keys that are not DAG hashes.
   */
  parse(window: Uint8Array, isLast: boolean, origin = 0): number {
    const scanners = [0, 1, 2, 3].map(
      (depth) => new JsonScanner(window, { maxDepth: maxIndexDepth - depth, origin }),
    );
    let done = 0;
    for (;;) {
      const scanner = scanners[this.#depth] ?? new JsonScanner(window, { maxDepth: 0, origin });
      scanner.position = done;
      let commit: () => void;
      try {
        if (this.#isClosed) {
          scanner.end();
          break;
        }
        commit = this.#step(scanner);
        // The next character decides whether a number has ended.
        if (scanner.position >= window.length && !isLast) return done;
      } catch (error) {
        // More text may complete it. The scanner stopped in the middle and is not used again.
        if (error instanceof JsonError && !isLast) return done;
        throw error;
      }
      commit();
      done = scanner.position;
    }
    if (!this.#sawInstalls) throw new UserError('content-invalid', 'the package index has no "installs"');
    return window.length;
  }

  /** Reads one member or bracket, and returns what to do once it is certain. */
  #step(scanner: JsonScanner): () => void {
    if (this.#depth === 0) {
      scanner.expect(openBrace);
      return () => this.#open();
    }
    if (scanner.peek() === closeBrace) {
      scanner.expect(closeBrace);
      return () => this.#close();
    }
    if (this.#isAfterMember) scanner.expect(comma);
    const level = levels[this.#depth - 1] ?? 'top';
    return level === 'installs' ? this.#record(scanner) : this.#member(scanner, level);
  }

  #open(): void {
    this.#depth += 1;
    this.#isAfterMember = false;
  }

  #close(): void {
    this.#depth -= 1;
    this.#isAfterMember = true;
    this.#isClosed = this.#depth === 0;
  }

  #member(scanner: JsonScanner, level: 'top' | 'database'): () => void {
    const key = scanner.string();
    const keys = this.#keys[level];
    if (keys.has(key)) scanner.fail('the same key twice in one object', 'json-duplicate-key');
    scanner.expect(colon);
    const isInstalls = level === 'database' && key === 'installs';
    if (isInstalls || (level === 'top' && key === 'database')) {
      scanner.expect(openBrace);
      return () => {
        keys.add(key);
        this.#sawInstalls ||= isInstalls;
        this.#open();
      };
    }
    if (level === 'database' && key === 'version') {
      if (scanner.value() !== String(this.#databaseVersion)) {
        throw new UserError(
          'content-invalid',
          `the package index is not a Spack database of version ${this.#databaseVersion}`,
        );
      }
    } else scanner.skipValue();
    return () => {
      keys.add(key);
      this.#isAfterMember = true;
    };
  }

  #record(scanner: JsonScanner): () => void {
    const hash = scanner.string();
    if (!isDagHash(hash))
      throw new UserError('name-invalid', 'the package index lists something other than a DAG hash');
    scanner.expect(colon);
    const fields = this.#spackRecord(scanner, hash) ?? this.#anyRecord(scanner, hash);
    return () => {
      if (!this.#receiver.add({ hash, ...fields }, scanner.bytes))
        scanner.fail('the same key twice in one object', 'json-duplicate-key');
      this.#isAfterMember = true;
    };
  }

  /** Reads a record as Spack writes it, without spaces; for any other, returns undefined and leaves the cursor. */
  #spackRecord(scanner: JsonScanner, hash: string): Omit<ParsedRecord, 'hash'> | undefined {
    const { bytes } = scanner;
    const before = scanner.position;
    if (!scanner.passes('{"spec":')) return undefined;
    const start = scanner.position;
    const knownEnd = this.#receiver.knownEnd(hash, bytes, start);
    if (knownEnd > 0) scanner.position = knownEnd;
    else scanner.skipValue();
    const end = scanner.position;
    if (scanner.passes(',"ref_count":')) {
      const numberStart = scanner.position;
      let refCount = 0;
      for (let digit = bytes[numberStart] ?? 0; digit >= 0x30 && digit <= 0x39; ) {
        refCount = refCount * 10 + (digit - 0x30);
        scanner.position += 1;
        digit = bytes[scanner.position] ?? 0;
      }
      const digits = scanner.position - numberStart;
      const isPlain = digits > 0 && digits < 10 && (digits === 1 || bytes[numberStart] !== 0x30);
      if (isPlain && scanner.passes(',"in_buildcache":')) {
        const inBuildcache = scanner.passes('true}');
        if (inBuildcache || scanner.passes('false}')) return { start, end, refCount, inBuildcache };
      }
    }
    scanner.position = before;
    return undefined;
  }

  #anyRecord(scanner: JsonScanner, hash: string): Omit<ParsedRecord, 'hash'> {
    let range: { readonly start: number; readonly end: number } | undefined;
    let refCount: unknown = 0;
    let inBuildcache: unknown = false;
    scanner.object((field) => {
      if (field === 'spec') range = scanner.skipValue();
      else if (field === 'ref_count') refCount = scanner.value();
      else if (field === 'in_buildcache') inBuildcache = scanner.value();
      else scanner.fail('a record of the package index has a field that Spack refuses');
    });
    if (range === undefined || typeof refCount !== 'number' || typeof inBuildcache !== 'boolean') {
      throw new UserError('content-invalid', `record ${hash} of the package index is malformed`);
    }
    return { start: range.start, end: range.end, refCount, inBuildcache };
  }
}
