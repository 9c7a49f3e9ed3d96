/** What a store knows about an object without reading it. */
export interface ObjectInfo {
  readonly key: string;
  readonly sizeBytes: number;
  /** Opaque; equal ETags mean unchanged bytes. Pass it back unchanged in `ifMatch`. Undefined if a listing does not give it. */
  readonly etag?: string | undefined;
  /**
   * SHA-256 of the bytes, if it was stored with them: `head` and `read` of S3 objects that Slipway wrote. Anyone with
   * write access can forge it.
   */
  readonly sha256?: string | undefined;
  /**
   * SHA-256 of the whole object that the server itself computed or checked (S3's full-object checksum), if `head` was asked for it.
   * Never the composite of a multipart upload's parts.
   */
  readonly serverSha256?: string | undefined;
  /** The time of the last write, in milliseconds since 1970, if the store knows it. */
  readonly modifiedAtMs?: number | undefined;
  /** Headers served to HTTP readers, if the store keeps them: `head` and `read` of S3 objects. */
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

/** What is written: bytes, or a file on this machine that is streamed. */
export type WriteSource =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'file'; readonly path: string; readonly sizeBytes: number };

/** An object of the same store, with the ETag it is known to have. */
export type CopySource = Pick<ObjectInfo, 'key' | 'sizeBytes'> & { readonly etag: string };

/**
 * How long an object stays unchanged, for the `Cache-Control` of stores that have it. `immutable`: for ever. `document`: it may be
 * replaced at any time. `pointer`: everything it names must be on disk before it, and it must be on disk when the write returns.
 */
export type CachePolicy = 'immutable' | 'document' | 'pointer';

export interface WriteOptions {
  /** `absent`: only if there is no object. `{etag}`: only if it still has this ETag. `any`: unconditionally. */
  readonly condition: 'absent' | 'any' | { readonly etag: string };
  readonly contentType: string;
  readonly cache: CachePolicy;
  /**
   * SHA-256 of the source, 64 lower-case hex digits. The store refuses other bytes (`content-invalid`) and leaves nothing
   * behind, so a file that changed after it was hashed is never stored.
   */
  readonly sha256: string;
  /** Headers for stores that serve objects over HTTP. `cacheControl` overrides `cache`. */
  readonly headers?: ObjectHeaders | undefined;
  /** Called while a large source is sent, with the number of bytes since the last call. */
  readonly onBytes?: ((count: number) => void) | undefined;
}

/** A part of an object, in bytes from its start. */
export interface ByteRange {
  readonly startByte: number;
  readonly lengthBytes: number;
  /** Only from the object that has this ETag. */
  readonly etag?: string | undefined;
}

export interface HeadOptions {
  /** Ask the server for the checksum that it keeps (`serverSha256`). Objects encrypted by KMS need the right to decrypt for it. */
  readonly checksum?: boolean | undefined;
}

export interface ListOptions {
  /** Keys at which a store may split its listing to read the parts in parallel. A hint: the result is the same. */
  readonly splits?: readonly string[] | undefined;
}

/** Headers that S3 keeps with an object, named as in its API. */
export interface ObjectHeaders {
  readonly cacheControl?: string | undefined;
  readonly contentDisposition?: string | undefined;
  readonly contentLanguage?: string | undefined;
  /** `Content-Encoding`: how the bytes were compressed before they were stored. */
  readonly contentEncoding?: string | undefined;
  /** `Expires`, in milliseconds since 1970, rounded to seconds. A `max-age` in `cacheControl` takes precedence. */
  readonly expiresAtMs?: number | undefined;
  /** `x-amz-meta-…`: names in lower case, values in ASCII. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** Headers as a store returns them. */
export interface StoredHeaders extends ObjectHeaders {
  readonly contentType?: string | undefined;
}

/** Temporary or static keys for AWS or a compatible server. Everything but `accessKeyId` is secret. */
export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
  /** When they expire, in milliseconds since 1970; undefined if they do not. */
  readonly expiresAtMs?: number | undefined;
}

/**
 * Returns credentials that stay valid for some minutes, and fetches new ones if they expire soon. Throws `UserError`
 * `credentials-missing` and `RemoteError` `credentials-refused`.
 */
export type AwsCredentialsSource = () => Promise<AwsCredentials>;

/**
 * A place for objects, addressed by a URL. Keys are relative, `/`-separated paths: never empty or absolute, without `.`
 * or `..` segments, backslashes or control characters (`UserError` `name-invalid`). A missing object is `undefined`, not
 * an error; a refusal is `RemoteError` `access-denied`, never "missing". Writes are atomic: readers and crashes see the
 * whole old object or the whole new one.
 */
export interface ObjectStore {
  /** As the user wrote it, without credentials. */
  readonly url: string;
  /** False for `https://`, which is read-only and cannot list. */
  readonly writable: boolean;
  readonly listable: boolean;
  /** What is known without reading the object. Not every store knows the ETag. */
  head(key: string, options?: HeadOptions): Promise<ObjectInfo | undefined>;
  /** Reads a whole object into memory. Throws `UserError` `too-large` if it has more than `maxBytes`, before reading all of it. */
  read(key: string, options: { readonly maxBytes: number }): Promise<StoredObject | undefined>;
  /** Streams an object of any size; the stream fails with `too-large` once it exceeds `maxBytes`. */
  readStream(key: string, options: { readonly maxBytes: number }): Promise<StoredStream | undefined>;
  /**
   * Reads a part of an object into memory: fewer bytes where the object ends before the part does, none at or behind its end.
   * Throws `RemoteError` `condition-failed` if the object has another ETag. Only stores that can do it have this.
   */
  readRange?(key: string, range: ByteRange): Promise<StoredObject | undefined>;
  /**
   * The object as a local file to write elsewhere; undefined if it is missing. Only local stores have this. The file may
   * change before it is read: writes check the bytes.
   */
  fileSource?(key: string): Promise<Extract<WriteSource, { kind: 'file' }> | undefined>;
  /** Every object whose key starts with `prefix` (empty, or ending in `/`), in no particular order. */
  list(prefix: string, options?: ListOptions): AsyncIterable<ObjectInfo>;
  /**
   * Stores an object. Throws `RemoteError` `condition-failed` if `condition` does not hold, or `UserError`
   * `target-read-only` or `disk-full`, and then changes nothing.
   */
  write(key: string, source: WriteSource, options: WriteOptions): Promise<{ readonly etag: string }>;
  /**
   * Copies another object of this store on the server, for stores that can. Throws as `write` does, and
   * `condition-failed` if the source no longer has its ETag. The caller must know that its bytes match `options.sha256`.
   */
  copy?(from: CopySource, key: string, options: WriteOptions): Promise<{ readonly etag: string }>;
  /** Removes an object; a missing one is a success. */
  delete(key: string): Promise<void>;
  /** Removes many objects, for stores that need fewer requests than one each. Returns the keys that are still there, and why. */
  deleteMany?(keys: readonly string[]): Promise<readonly { readonly key: string; readonly reason: string }[]>;
  /**
   * Aborts multipart uploads, for keys that `isOurs` accepts, that began more than a day ago and never completed: their
   * storage is billed, but no listing shows it. Returns how many were aborted and how many are left for other keys;
   * undefined if the store does not let uploads be listed.
   */
  endAbandonedUploads?(
    isOurs: (key: string) => boolean,
  ): Promise<{ readonly ended: number; readonly left: number } | undefined>;
  /** The current time of the store's own clock, in milliseconds since 1970; undefined if it does not say. */
  nowMs?(): Promise<number | undefined>;
}

/** Variables as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Where an action reports its progress. Only `runner` and `cli` print. */
export interface ProgressPort {
  /** Begins a step; `total` in `unit` if it is known. */
  start(step: string, total?: number, unit?: 'bytes' | 'entries'): void;
  advance(amount: number): void;
  /** Logs a line. Pass untrusted text through `printable` first. */
  info(line: string): void;
  debug(line: string): void;
}

/** Discards everything. */
export const silentProgress: ProgressPort = { start() {}, advance() {}, info() {}, debug() {} };
