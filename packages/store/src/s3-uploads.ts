import { mapConcurrently, type WriteOptions } from '@slipway/core';
import { requestName, unexpected } from './http-errors.ts';
import type { S3Context } from './s3-context.ts';
import { conditionHeaders } from './s3-headers.ts';
import { decodedKey } from './s3-list.ts';
import type { StoredPart } from './s3-parts.ts';
import { xmlText } from './s3-refusals.ts';
import { withRetries } from './s3-retries.ts';
import { isRefusal } from './s3-wire.ts';

const deadlineMs = 300_000;
/** An upload that a publisher of some days ago left is continued or removed; more than these are nobody's plan. */
const maxListedUploads = 1000;
const maxPages = 20;

export interface Upload {
  readonly id: string;
  readonly startedAtMs: number;
}

/** The uploads in parts of one key. */
export class S3Uploads {
  readonly #context: S3Context;
  readonly #key: string;
  readonly #s3Key: string;

  constructor(context: S3Context, key: string, s3Key: string) {
    this.#context = context;
    this.#key = key;
    this.#s3Key = s3Key;
  }

  /** Begins an upload of an object with these headers, and returns its id. Parts that are sent have checksums, copied ones none. */
  async begin(headers: Readonly<Record<string, string>>, parts: 'sent' | 'copied' = 'sent'): Promise<string> {
    const { clock, wire } = this.#context;
    const what = requestName('CREATE upload of', this.#key);
    return withRetries({ clock, deadlineMs }, async ({ signal }) => {
      const { body } = await wire.document({
        method: 'POST',
        path: wire.pathOf(this.#s3Key),
        query: { uploads: '' },
        headers: parts === 'sent' ? { ...headers, 'x-amz-checksum-algorithm': 'CRC32' } : headers,
        what,
        action: 's3:PutObject',
        root: 'InitiateMultipartUploadResult',
        signal,
      });
      const id = xmlText(new TextDecoder().decode(body), 'UploadId');
      if (id === undefined) throw unexpected(what, 'the server gives the upload no id');
      return id;
    });
  }

  /** Uploads of exactly this key that were not completed, newest first; none where the server does not let them be listed. */
  async unfinished(): Promise<Upload[]> {
    const { clock, documents } = this.#context;
    const what = requestName('LIST uploads of', this.#key);
    const uploads: Upload[] = [];
    let marker: { readonly KeyMarker: string; readonly UploadIdMarker: string } | undefined;
    try {
      for (let pages = 0; pages < maxPages && uploads.length < maxListedUploads; pages += 1) {
        const page = await withRetries({ clock, deadlineMs }, ({ signal }) => {
          const call = {
            what,
            action: 's3:ListBucketMultipartUploads',
            signal,
            root: 'ListMultipartUploadsResult',
          } as const;
          const command = new documents.sdk.ListMultipartUploadsCommand({
            Bucket: documents.bucket,
            Prefix: this.#s3Key,
            EncodingType: 'url',
            ...marker,
          });
          return documents.ask(call, (client, options) => client.send(command, options));
        });
        const decode = (text: string) => (page.EncodingType === 'url' ? decodedKey(text, what) : text);
        for (const { Key: listed, UploadId: id, Initiated: started } of page.Uploads ?? []) {
          // The prefix is that of longer keys too.
          if (id !== undefined && listed !== undefined && decode(listed) === this.#s3Key)
            uploads.push({ id, startedAtMs: started?.getTime() ?? 0 });
        }
        if (page.IsTruncated !== true || page.NextKeyMarker === undefined) break;
        marker = { KeyMarker: decode(page.NextKeyMarker), UploadIdMarker: page.NextUploadIdMarker ?? '' };
      }
    } catch (error) {
      if (!isUnlistable(error)) throw error;
    }
    return uploads.sort((a, b) => b.startedAtMs - a.startedAtMs);
  }

  /** The parts that the server has of an upload; undefined when the upload is gone or its parts may not be listed. */
  async partsOf(id: string): Promise<StoredPart[] | undefined> {
    const { clock, documents } = this.#context;
    const what = requestName('LIST parts of', this.#key);
    const parts: StoredPart[] = [];
    let marker: string | undefined;
    try {
      do {
        const page = await withRetries({ clock, deadlineMs }, ({ signal }) => {
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

  /** Makes the parts the object, if `condition` holds. */
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
    if (etag === undefined) throw unexpected(what, 'the server gives no ETag');
    return { etag };
  }

  /** Ends uploads and frees what they hold. What cannot be removed now is removed by a later run, or the bucket's own rule. */
  async abort(ids: readonly string[]): Promise<void> {
    const { wire } = this.#context;
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
      for (let attempt = 0; attempt < 3; attempt += 1) {
        try {
          await wire.document({ ...request, signal: AbortSignal.timeout(30_000) });
          return;
        } catch (error) {
          if (isRefusal(error, 'NoSuchUpload')) return;
        }
      }
    });
  }
}

/** The permission for these listings is one of its own, and some servers do not have them at all. */
function isUnlistable(error: unknown): boolean {
  return isRefusal(error, 'AccessDenied', 'NotImplemented', 'MethodNotAllowed');
}
