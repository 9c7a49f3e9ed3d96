import {
  type ByteRange,
  type Clock,
  type CopySource,
  type HeadOptions,
  type ListOptions,
  type ObjectInfo,
  type ObjectStore,
  retryNotices,
  type StoredObject,
  type StoredStream,
  systemClock,
  UserError,
  type WriteOptions,
  type WriteSource,
} from '@slipway/core';
import { sizeOf } from '../source-file.ts';
import type { StoreUrl } from '../url.ts';
import { ByteBudget } from './budget.ts';
import { type S3Context, S3Keys } from './context.ts';
import { copyObject } from './copy.ts';
import { deleteObject, deleteObjects, type NotDeleted } from './delete.ts';
import { bucketUrl, S3Documents } from './documents.ts';
import { WriteHistory } from './history.ts';
import { listObjects } from './list.ts';
import { S3MultipartWriter } from './multipart.ts';
import { S3Reader } from './read.ts';
import { checkedTuning, type S3StoreOptions } from './settings.ts';
import { endAbandonedUploads } from './uploads.ts';
import { S3Wire } from './wire.ts';
import { S3Writer } from './write.ts';

const minConnections = 64;

export interface S3OpenOptions extends S3StoreOptions {
  readonly clock?: Clock | undefined;
  /** Proxy variables as in `process.env`; no proxy by default. */
  readonly proxyEnvironment?: Readonly<Record<string, string | undefined>> | undefined;
  /** How long a connection may be silent: 60 seconds by default, as S3 may be while it completes an upload. */
  readonly idleMs?: number | undefined;
  /** Called now and then with what failed and is retried. */
  readonly onRetry?: ((reason: string) => void) | undefined;
}

/**
 * A prefix of an S3 bucket as a store. ETags are the server's, passed back unchanged. Objects carry their SHA-256 in
 * metadata, which `head` and `read` return; listings do not.
 */
export class S3Store implements ObjectStore {
  readonly url: string;
  readonly writable = true;
  readonly listable = true;
  readonly #context: S3Context;
  readonly #reader: S3Reader;
  readonly #writer: S3Writer;
  readonly #multipartWriter: S3MultipartWriter;

  /** Loads the SDK. Throws `UserError` `input-invalid` for invalid settings, without sending anything. */
  static async open(place: Extract<StoreUrl, { kind: 's3' }>, options: S3OpenOptions): Promise<S3Store> {
    const { settings, credentials, clock = systemClock, proxyEnvironment, idleMs = 60_000 } = options;
    const onRetry = options.onRetry && retryNotices(clock, options.onRetry);
    const tuning = checkedTuning(settings);
    if (place.bucket.endsWith('--x-s3')) {
      throw new UserError('not-supported', 'Directory buckets (S3 Express One Zone) are not supported.', {
        hint: 'Publish to a general purpose bucket.',
      });
    }
    const sdk = await import('@aws-sdk/client-s3');
    const keys = new S3Keys(place.prefix, options.slashKeys);
    const url = bucketUrl(sdk, settings, place.bucket);
    const wire = new S3Wire(url, {
      place: { bucket: place.bucket, root: keys.root, region: settings.region },
      credentials,
      clock,
      idleMs,
      onRetry,
      maxConnections: Math.max(minConnections, 2 * tuning.concurrency),
      proxyEnvironment,
    });
    const documents = new S3Documents(sdk, settings, wire, url);
    return new S3Store(place.url, {
      settings,
      tuning,
      clock,
      onRetry,
      wire,
      documents,
      keys,
      history: new WriteHistory(),
    });
  }

  private constructor(url: string, context: S3Context) {
    this.url = url;
    this.#context = context;
    this.#reader = new S3Reader(context);
    const { concurrency, partSizeBytes } = context.tuning;
    const budget = new ByteBudget(concurrency * partSizeBytes);
    this.#writer = new S3Writer(context, budget);
    this.#multipartWriter = new S3MultipartWriter(context, budget);
  }

  head(key: string, options?: HeadOptions): Promise<ObjectInfo | undefined> {
    return this.#reader.head(key, options);
  }

  readRange(key: string, range: ByteRange): Promise<StoredObject | undefined> {
    return this.#reader.readRange(key, range);
  }

  read(key: string, options: { readonly maxBytes: number }): Promise<StoredObject | undefined> {
    return this.#reader.read(key, options);
  }

  readStream(key: string, options: { readonly maxBytes: number }): Promise<StoredStream | undefined> {
    return this.#reader.readStream(key, options);
  }

  list(prefix: string, options?: ListOptions): AsyncIterable<ObjectInfo> {
    return listObjects(this.#context, prefix, options);
  }

  async write(key: string, source: WriteSource, options: WriteOptions): Promise<{ readonly etag: string }> {
    const { keys, tuning } = this.#context;
    const sizeBytes = sizeOf(source);
    const writer = sizeBytes > tuning.partSizeBytes ? this.#multipartWriter : this.#writer;
    return writer.write(key, keys.toWrite(key), source, options);
  }

  async copy(from: CopySource, key: string, options: WriteOptions): Promise<{ readonly etag: string }> {
    // An empty object has no parts.
    if (from.sizeBytes === 0) return this.write(key, { kind: 'bytes', bytes: new Uint8Array() }, options);
    return copyObject(this.#context, from, key, options);
  }

  endAbandonedUploads(
    isOurs: (key: string) => boolean,
  ): Promise<{ readonly ended: number; readonly left: number } | undefined> {
    return endAbandonedUploads(this.#context, isOurs);
  }

  nowMs(): Promise<number | undefined> {
    return this.#reader.nowMs();
  }

  async delete(key: string): Promise<void> {
    await deleteObject(this.#context, key);
  }

  async deleteMany(keys: readonly string[]): Promise<readonly NotDeleted[]> {
    return deleteObjects(this.#context, keys);
  }
}
