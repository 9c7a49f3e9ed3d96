import { mapConcurrently, retrying, type WriteOptions } from '@slipway/core';
import { transferDeadlineMs, unexpected } from '@slipway/http';
import { requestName } from '../key-errors.ts';
import type { S3Context } from './context.ts';
import { conditionHeaders } from './headers.ts';
import { decodedKey } from './list.ts';
import type { StoredPart } from './parts.ts';
import { withRetries } from './retries.ts';
import { isRefusal } from './wire.ts';
import { textOf } from './xml.ts';

/** Examines at most this many uploads left by earlier runs. */
const maxListedUploads = 1000;
const maxPages = 20;

/** An older upload that was not completed is abandoned. */
export const abandonedMs = 24 * 3_600_000;

export interface Upload {
  readonly id: string;
  readonly startedAtMs: number;
}

interface ListedUpload extends Upload {
  readonly s3Key: string;
}

/** See `ObjectStore.endAbandonedUploads`. */
export async function endAbandonedUploads(
  context: S3Context,
  isOurs: (key: string) => boolean,
): Promise<{ readonly ended: number; readonly left: number } | undefined> {
  const { clock, keys } = context;
  const listed = await listUploads(context, keys.root, 'LIST uploads');
  // Some servers list more than they were asked for.
  const abandoned = listed?.filter(
    ({ s3Key, startedAtMs }) => s3Key.startsWith(keys.root) && clock.nowMs() - startedAtMs > abandonedMs,
  );
  if (abandoned === undefined) return undefined;
  let ended = 0;
  for (const { s3Key, id } of abandoned) {
    const key = s3Key.slice(keys.root.length);
    if (!isOurs(key)) continue;
    await new S3Uploads(context, key, s3Key).abort([id]);
    ended += 1;
  }
  return { ended, left: abandoned.length - ended };
}

/** Uploads below a prefix of the bucket, a few thousand at most; undefined if the server does not let them be listed. */
async function listUploads(
  context: S3Context,
  prefix: string,
  what: string,
): Promise<ListedUpload[] | undefined> {
  const { documents } = context;
  const uploads: ListedUpload[] = [];
  let marker: { readonly KeyMarker: string; readonly UploadIdMarker: string } | undefined;
  try {
    for (let pages = 0; pages < maxPages && uploads.length < maxListedUploads; pages += 1) {
      const page = await withRetries(context, transferDeadlineMs(0), ({ signal }) => {
        const call = {
          what,
          action: 's3:ListBucketMultipartUploads',
          signal,
          root: 'ListMultipartUploadsResult',
        } as const;
        const command = new documents.sdk.ListMultipartUploadsCommand({
          Bucket: documents.bucket,
          Prefix: prefix,
          EncodingType: 'url',
          ...marker,
        });
        return documents.ask(call, (client, options) => client.send(command, options));
      });
      const decode = (text: string) => (page.EncodingType === 'url' ? decodedKey(text, what) : text);
      for (const { Key: listed, UploadId: id, Initiated: started } of page.Uploads ?? []) {
        if (id === undefined || listed === undefined) continue;
        uploads.push({ s3Key: decode(listed), id, startedAtMs: started?.getTime() ?? 0 });
      }
      if (page.IsTruncated !== true || page.NextKeyMarker === undefined) break;
      marker = { KeyMarker: decode(page.NextKeyMarker), UploadIdMarker: page.NextUploadIdMarker ?? '' };
    }
  } catch (error) {
    if (isUnlistable(error)) return undefined;
    throw error;
  }
  return uploads;
}

/** The multipart uploads of one key. */
export class S3Uploads {
  readonly #context: S3Context;
  readonly #key: string;
  readonly #s3Key: string;

  constructor(context: S3Context, key: string, s3Key: string) {
    this.#context = context;
    this.#key = key;
    this.#s3Key = s3Key;
  }

  /** Starts an upload with these headers, and returns its id. Sent parts have checksums, copied ones do not. */
  async begin(headers: Readonly<Record<string, string>>, parts: 'sent' | 'copied' = 'sent'): Promise<string> {
    const { wire } = this.#context;
    const what = requestName('CREATE upload of', this.#key);
    return withRetries(this.#context, transferDeadlineMs(0), async ({ signal }) => {
      const { xml } = await wire.document({
        method: 'POST',
        path: wire.pathOf(this.#s3Key),
        query: { uploads: '' },
        headers: parts === 'sent' ? { ...headers, 'x-amz-checksum-algorithm': 'CRC32' } : headers,
        what,
        action: 's3:PutObject',
        root: 'InitiateMultipartUploadResult',
        signal,
      });
      const id = textOf(xml, 'UploadId');
      if (id === undefined) throw unexpected(what, 'the server returned no upload id');
      return id;
    });
  }

  /** Uncompleted uploads of exactly this key, newest first; empty if the server does not let them be listed. */
  async unfinished(): Promise<Upload[]> {
    const listed = await listUploads(this.#context, this.#s3Key, requestName('LIST uploads of', this.#key));
    // The prefix also matches longer keys.
    const uploads = listed?.filter(({ s3Key }) => s3Key === this.#s3Key) ?? [];
    return uploads.sort((a, b) => b.startedAtMs - a.startedAtMs);
  }

  /** The parts that the server has; undefined if the upload is gone or its parts may not be listed. */
  async partsOf(id: string): Promise<StoredPart[] | undefined> {
    const { documents } = this.#context;
    const what = requestName('LIST parts of', this.#key);
    const parts: StoredPart[] = [];
    let marker: string | undefined;
    try {
      do {
        const page = await withRetries(this.#context, transferDeadlineMs(0), ({ signal }) => {
          const call = {
            what,
            action: 's3:ListMultipartUploadParts',
            signal,
            root: 'ListPartsResult',
          } as const;
          const command = new documents.sdk.ListPartsCommand({
            Bucket: documents.bucket,
            Key: this.#s3Key,
            UploadId: id,
            ...(marker === undefined ? {} : { PartNumberMarker: marker }),
          });
          return documents.ask(call, (client, options) => client.send(command, options));
        });
        for (const { PartNumber: number, ETag: etag, Size: sizeBytes, ChecksumCRC32: crc32 } of page.Parts ??
          []) {
          if (number !== undefined && etag !== undefined && sizeBytes !== undefined)
            parts.push({ number, etag, crc32, sizeBytes });
        }
        const next: string | undefined = page.IsTruncated === true ? page.NextPartNumberMarker : undefined;
        if (next === marker) break;
        marker = next;
      } while (marker !== undefined);
    } catch (error) {
      if (isUnlistable(error) || isRefusal(error, 'NoSuchUpload')) return undefined;
      throw error;
    }
    return parts;
  }

  /** Completes an upload, if `condition` holds. */
  async complete(
    id: string,
    parts: readonly StoredPart[],
    condition: WriteOptions['condition'],
    signal: AbortSignal,
  ): Promise<{ readonly etag: string }> {
    const { documents, wire } = this.#context;
    const what = requestName('COMPLETE upload of', this.#key);
    const call = { what, action: 's3:PutObject', signal, root: 'CompleteMultipartUploadResult' } as const;
    const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = conditionHeaders(condition);
    const command = new documents.sdk.CompleteMultipartUploadCommand({
      Bucket: documents.bucket,
      Key: this.#s3Key,
      UploadId: id,
      MultipartUpload: {
        Parts: parts.map(({ number, etag, crc32 }) => ({
          PartNumber: number,
          ETag: etag,
          ...(wire.takesChecksums && crc32 !== undefined ? { ChecksumCRC32: crc32 } : {}),
        })),
      },
      ...(ifMatch === undefined ? {} : { IfMatch: ifMatch }),
      ...(ifNoneMatch === undefined ? {} : { IfNoneMatch: ifNoneMatch }),
    });
    const { ETag: etag } = await documents.ask(call, (client, options) => client.send(command, options));
    if (etag === undefined) throw unexpected(what, 'the server returned no ETag');
    return { etag };
  }

  /** Aborts uploads and frees their storage. A later run, or a bucket rule, removes what cannot be removed now. */
  async abort(ids: readonly string[]): Promise<void> {
    const { wire, clock } = this.#context;
    await mapConcurrently(ids, 4, async (uploadId) => {
      const request = {
        method: 'DELETE',
        path: wire.pathOf(this.#s3Key),
        query: { uploadId },
        headers: {},
        what: requestName('ABORT upload of', this.#key),
        action: 's3:AbortMultipartUpload',
        root: '',
      } as const;
      const rule = { clock, maxAttempts: 3, deadlineMs: 30_000, backoff: { baseMs: 100, capMs: 1_000 } };
      await retrying(rule, ({ signal }) => wire.document({ ...request, signal })).catch(() => undefined);
    });
  }
}

/** These listings need a permission of their own, and some servers do not support them. */
function isUnlistable(error: unknown): boolean {
  return isRefusal(error, 'AccessDenied', 'NotImplemented', 'MethodNotAllowed');
}
