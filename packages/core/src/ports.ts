/** What a store knows of an object without reading it. */
export interface ObjectInfo {
  readonly key: string;
  readonly sizeBytes: number;
  /** Opaque; equal ETags mean unchanged bytes. Passed back unchanged in `ifMatch`. Undefined where a listing has none. */
  readonly etag?: string | undefined;
  /**
   * SHA-256 of the bytes, where the store was told it when they were written and keeps it: `head` and `read` of S3 objects
   * that Slipway wrote. Whoever may write there may also have lied.
   */
  readonly sha256?: string | undefined;
  /** When it was last written, in milliseconds since 1970, where the store says so. */
  readonly modifiedAtMs?: number | undefined;
  /** What the store gives to whoever reads it over HTTP, where it keeps that: `head` and `read` of S3 objects. */
  readonly headers?: StoredHeaders | undefined;
}

export interface StoredObject {
  readonly info: ObjectInfo;
  readonly body: Uint8Array<ArrayBuffer>;
}

export interface StoredStream {
  readonly info: ObjectInfo;
  readonly body: AsyncIterable<Uint8Array>;
}

/** What is written: bytes, or a file of this machine that is streamed. */
export type WriteSource =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'file'; readonly path: string; readonly sizeBytes: number };

/** An object of the same store, as it is known to be. */
export type CopySource = Pick<ObjectInfo, 'key' | 'sizeBytes'> & { readonly etag: string };

/**
 * How long an object stays what it is, for `Cache-Control` of stores that have it. `immutable`: for ever. `document`: it may be
 * replaced, and nothing else is built on the moment when it is. `pointer`: what it names must be on the disk before it,
 * and it must be there itself when the write is done.
 */
export type CachePolicy = 'immutable' | 'document' | 'pointer';

export interface WriteOptions {
  /** `absent`: only if there is no object. `{etag}`: only if its ETag is still this. `any`: whatever is there. */
  readonly condition: 'absent' | 'any' | { readonly etag: string };
  readonly contentType: string;
  readonly cache: CachePolicy;
  /**
   * SHA-256 of the source, 64 lower-case hex digits. The store refuses a source of other bytes (`content-invalid`)
   * and leaves nothing behind; so a file that changed since it was hashed is never stored.
   */
  readonly sha256: string;
  /** For stores over HTTP, which give them to whoever reads the object. `cacheControl` replaces what `cache` stands for. */
  readonly headers?: ObjectHeaders | undefined;
  /** Called as bytes of a large source have been sent, with how many more. */
  readonly onBytes?: ((count: number) => void) | undefined;
}

export interface ListOptions {
  /** Keys at which a store may cut its listing into parts that it reads at the same time. A hint: the objects are the same. */
  readonly splits?: readonly string[] | undefined;
}

/** Headers that S3 keeps with an object, in the words of its API. */
export interface ObjectHeaders {
  readonly cacheControl?: string | undefined;
  readonly contentDisposition?: string | undefined;
  readonly contentLanguage?: string | undefined;
  /** `Content-Encoding`: what the bytes were compressed with before they were stored. */
  readonly contentEncoding?: string | undefined;
  /** `Expires`, in milliseconds since 1970: to a second. A `max-age` in `cacheControl` counts before it. */
  readonly expiresAtMs?: number | undefined;
  /** `x-amz-meta-…`: names in lower case, values in ASCII. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** Headers as a store has them. */
export interface StoredHeaders extends ObjectHeaders {
  readonly contentType?: string | undefined;
}

/** Temporary or static keys of AWS, or of a server that speaks its protocols. Secret but for `accessKeyId`. */
export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
  /** When they end, in milliseconds since 1970; undefined when they do not. */
  readonly expiresAtMs?: number | undefined;
}

/**
 * Gives credentials that are good for some minutes more, fetching new ones when they end soon. Throws `UserError`
 * `credentials-missing` and `RemoteError` `credentials-refused`.
 */
export type AwsCredentialsSource = () => Promise<AwsCredentials>;

/**
 * A place for objects, addressed by a URL. Keys are relative, `/`-separated paths: never empty, absolute, with `.` or
 * `..` segments, backslashes or control characters (`UserError` `name-invalid`). A missing object is `undefined`, never
 * an error; a refusal is `RemoteError` `access-denied`, never "missing". Writes are atomic: a reader, or a crash, sees
 * the old object or the new one whole.
 */
export interface ObjectStore {
  /** As the user wrote it, without credentials. */
  readonly url: string;
  /** False for `https://`, which only reads and cannot list. */
  readonly writable: boolean;
  readonly listable: boolean;
  /** What is known without reading the object. Not every store knows the ETag then. */
  head(key: string): Promise<ObjectInfo | undefined>;
  /** Reads a whole object into memory. `UserError` `too-large` when it has more than `maxBytes`, before reading it all. */
  read(key: string, options: { readonly maxBytes: number }): Promise<StoredObject | undefined>;
  /** Streams an object of any size; the stream fails with `too-large` once it exceeds `maxBytes`. */
  readStream(key: string, options: { readonly maxBytes: number }): Promise<StoredStream | undefined>;
  /**
   * The object as a source to write elsewhere, where it is a file of this machine; undefined when it is missing. Only
   * stores of this machine have this. The file may change before it is read: a write checks its bytes.
   */
  fileSource?(key: string): Promise<Extract<WriteSource, { kind: 'file' }> | undefined>;
  /** Every object whose key starts with `prefix` (empty, or ending in `/`), in no particular order. */
  list(prefix: string, options?: ListOptions): AsyncIterable<ObjectInfo>;
  /**
   * Stores an object. Throws `RemoteError` `condition-failed` when `condition` does not hold, `UserError`
   * `target-read-only` or `disk-full`; nothing is changed then.
   */
  write(key: string, source: WriteSource, options: WriteOptions): Promise<{ readonly etag: string }>;
  /**
   * Stores a copy of another object of this store, which does not pass through this machine: only stores that save a way by
   * it have this. Throws as `write` does, and `condition-failed` also when the source is not what its ETag says any more.
   * That its bytes are those of `options.sha256`, the caller must know, as who has written it.
   */
  copy?(from: CopySource, key: string, options: WriteOptions): Promise<{ readonly etag: string }>;
  /** Removes an object; a missing one is a success. */
  delete(key: string): Promise<void>;
  /** Removes many, where that takes fewer requests than one each. Gives the keys that are still there, and why. */
  deleteMany?(keys: readonly string[]): Promise<readonly { readonly key: string; readonly reason: string }[]>;
  /**
   * Ends uploads in parts that were begun more than a day ago and never completed, of the keys that `isOurs` names: what they
   * hold is paid for, and no listing shows it. Gives how many were ended, and how many of other keys are left; undefined where
   * the store does not let them be listed.
   */
  endAbandonedUploads?(
    isOurs: (key: string) => boolean,
  ): Promise<{ readonly ended: number; readonly left: number } | undefined>;
  /** The time by the store's own clock, asked now, in milliseconds since 1970; undefined when it does not say. */
  nowMs?(): Promise<number | undefined>;
}

/** Variables as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Where an action tells how far it is. Only `runner` and `cli` print. */
export interface ProgressPort {
  /** A step begins; `total` of `unit` when it is known. */
  start(step: string, total?: number, unit?: 'bytes' | 'entries'): void;
  advance(amount: number): void;
  /** A line for the log. Text from outside goes through `printable` first. */
  info(line: string): void;
  debug(line: string): void;
}

/** Throws every word away. */
export const silentProgress: ProgressPort = { start() {}, advance() {}, info() {}, debug() {} };
