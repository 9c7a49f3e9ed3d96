import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  type ObjectInfo,
  type ObjectStore,
  RemoteError,
  type StoredObject,
  type StoredStream,
  type WriteOptions,
  type WriteSource,
} from '@slipway/core';

export interface DoubleObject {
  readonly body: Buffer;
  readonly etag: string;
  /** Undefined for what other tools stored. */
  readonly sha256: string | undefined;
  readonly options: WriteOptions | undefined;
}

/**
 * A bucket in memory that behaves like S3: listings with ETags, HEAD with the SHA-256 that was stored with an object, conditional
 * writes. It counts requests, can refuse to list, and lets a test act before a write.
 */
export class BucketDouble implements ObjectStore {
  readonly url = 's3://bucket/site';
  readonly writable = true;
  readonly listable = true;
  readonly objects = new Map<string, DoubleObject>();
  /** Requests that were made, such as `PUT index.html`. */
  requests: string[] = [];
  deniesListing = false;
  beforeWrite: (key: string) => void = () => undefined;
  endAbandonedUploads: NonNullable<ObjectStore['endAbandonedUploads']> = async () => ({ ended: 0, left: 0 });

  /** Stores an object as another tool would. */
  place(key: string, content: string | Uint8Array, sha256?: string): void {
    this.objects.set(key, {
      body: Buffer.from(content),
      etag: `"${randomUUID()}"`,
      sha256,
      options: undefined,
    });
  }

  count(method: string): number {
    return this.requests.filter((request) => request.startsWith(`${method} `)).length;
  }

  bodies(): Record<string, string> {
    return Object.fromEntries(
      [...this.objects]
        .filter(([key]) => !key.startsWith('.slipway/'))
        .map(([key, { body }]) => [key, body.toString()]),
    );
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    this.requests.push(`HEAD ${key}`);
    const object = this.objects.get(key);
    if (object === undefined && this.deniesListing) throw denied();
    return object && this.#info(key, object);
  }

  async read(key: string): Promise<StoredObject | undefined> {
    this.requests.push(`GET ${key}`);
    const object = this.objects.get(key);
    if (object === undefined && this.deniesListing) throw denied();
    return object && { info: this.#info(key, object), body: new Uint8Array(object.body) };
  }

  async readStream(key: string): Promise<StoredStream | undefined> {
    const stored = await this.read(key);
    if (stored === undefined) return undefined;
    const { info, body } = stored;
    return {
      info,
      body: (async function* () {
        yield body;
      })(),
    };
  }

  async *list(): AsyncGenerator<ObjectInfo> {
    if (this.deniesListing) throw denied();
    let listed = 0;
    for (const [key, { body, etag }] of this.objects) {
      if (listed % 1_000 === 0) {
        this.requests.push('LIST page');
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      listed += 1;
      yield { key, sizeBytes: body.length, etag };
    }
  }

  async write(key: string, source: WriteSource, options: WriteOptions): Promise<{ readonly etag: string }> {
    this.requests.push(`PUT ${key}`);
    this.beforeWrite(key);
    const present = this.objects.get(key);
    const { condition } = options;
    const holds =
      condition === 'any' ||
      (condition === 'absent' ? present === undefined : present?.etag === condition.etag);
    if (!holds) throw new RemoteError('condition-failed', `"${key}" is not as it was`);
    const body = source.kind === 'bytes' ? Buffer.from(source.bytes) : readFileSync(source.path);
    const sha256 = createHash('sha256').update(body).digest('hex');
    if (sha256 !== options.sha256) throw new Error(`"${key}" has other bytes than announced`);
    const etag = `"${randomUUID()}"`;
    this.objects.set(key, { body, etag, sha256, options });
    return { etag };
  }

  async delete(key: string): Promise<void> {
    this.requests.push(`DELETE ${key}`);
    this.objects.delete(key);
  }

  #info(key: string, { body, etag, sha256, options }: DoubleObject): ObjectInfo {
    const headers = options && { ...options.headers, contentType: options.contentType };
    return { key, sizeBytes: body.length, etag, sha256, headers };
  }
}

function denied(): RemoteError {
  return new RemoteError('access-denied', 'Access was denied');
}
