import { createHash } from 'node:crypto';
import { isConditionFailed, RemoteError, type WriteOptions, type WriteSource } from '@slipway/core';
import { transferDeadlineMs, unexpected } from '@slipway/http';
import { requestName } from '../key-errors.ts';
import { openReader, otherBytes, type SourceReader, sizeOf } from '../source-file.ts';
import type { ByteBudget } from './budget.ts';
import { authorshipOf, etagOfOwn, refuseEarly, writeSettled } from './conditions.ts';
import type { S3Context } from './context.ts';
import { objectHeaders } from './headers.ts';
import { newWriteToken } from './history.ts';
import { crc32Base64, fitsPlan, type PartPlan, partLength, planParts, type StoredPart } from './parts.ts';
import { withRetries } from './retries.ts';
import { unsignedPayload } from './signer.ts';
import { abandonedMs, S3Uploads } from './uploads.ts';
import { finish, isRefusal } from './wire.ts';

const maxStarts = 4;

/** The upload cannot be resumed: it is gone, or holds parts of another file. A new one is started. */
class UploadUnusable extends Error {}

interface Job {
  readonly key: string;
  readonly s3Key: string;
  readonly source: WriteSource;
  readonly options: WriteOptions;
  readonly plan: PartPlan;
  readonly uploads: S3Uploads;
}

interface OpenUpload {
  readonly id: string;
  /** Known if this process started it. */
  readonly token: string | undefined;
  /** The parts the server already has. */
  readonly parts: ReadonlyMap<number, StoredPart>;
}

/**
 * Stores objects larger than a part. Hashes the whole file while its parts are sent; completes nothing unless the hash is
 * the announced one. Resumes uploads of killed processes.
 */
export class S3MultipartWriter {
  readonly #context: S3Context;
  readonly #budget: ByteBudget;

  constructor(context: S3Context, budget: ByteBudget) {
    this.#context = context;
    this.#budget = budget;
  }

  async write(
    key: string,
    s3Key: string,
    source: WriteSource,
    options: WriteOptions,
  ): Promise<{ readonly etag: string }> {
    const sizeBytes = sizeOf(source);
    const plan = planParts(key, sizeBytes, this.#context.tuning.partSizeBytes);
    const uploads = new S3Uploads(this.#context, key, s3Key);
    const job: Job = { key, s3Key, source, options, plan, uploads };
    await refuseEarly(this.#context, key, s3Key, options.condition);
    let upload = await this.#continued(job);
    for (let start = 1; ; start += 1) {
      upload ??= await this.#begun(job);
      try {
        return await this.#uploadAndComplete(job, upload);
      } catch (error) {
        // Leaves uploads of other publishers alone, as they may be in progress, unless they are useless to both.
        if (upload.token !== undefined || isConditionFailed(error)) await uploads.abort([upload.id]);
        if (!(error instanceof UploadUnusable)) throw error;
        if (start === maxStarts) {
          throw new RemoteError(
            'contention',
            `${requestName('PUT', key)}: the upload was repeatedly ended by someone else.`,
            {
              hint: 'Check whether another publisher writes the same key, or a bucket rule removes uploads, then run again.',
              retryable: true,
            },
          );
        }
        upload = undefined;
      }
    }
  }

  /**
   * The newest upload of this key that can be of this file. Removes unsuitable ones that are older than a day; younger
   * ones may belong to a publisher still at work.
   */
  async #continued({ uploads, plan }: Job): Promise<OpenUpload | undefined> {
    const nowMs = this.#context.clock.nowMs();
    let found: OpenUpload | undefined;
    const abandoned: string[] = [];
    for (const { id, startedAtMs } of await uploads.unfinished()) {
      const parts = found === undefined ? await uploads.partsOf(id) : undefined;
      if (parts !== undefined && parts.length > 0 && fitsPlan(plan, parts)) {
        found = { id, token: undefined, parts: new Map(parts.map((part) => [part.number, part])) };
      } else if (nowMs - startedAtMs > abandonedMs) abandoned.push(id);
    }
    await uploads.abort(abandoned);
    return found;
  }

  async #begun({ key, options, uploads }: Job): Promise<OpenUpload> {
    const { settings, history } = this.#context;
    const token = newWriteToken();
    const headers = objectHeaders(key, options, settings, history.headerFor(token, options.condition));
    return { id: await uploads.begin(headers), token, parts: new Map() };
  }

  async #uploadAndComplete(job: Job, upload: OpenUpload): Promise<{ readonly etag: string }> {
    const reader = await openReader(job.key, job.source);
    try {
      const parts = await this.#sendParts(job, upload, reader);
      return await this.#complete(job, upload, parts);
    } finally {
      await reader.close();
    }
  }

  /** Reads the file once, in order, and sends what the server lacks; the budget limits how much is in memory. */
  async #sendParts(job: Job, upload: OpenUpload, reader: SourceReader): Promise<StoredPart[]> {
    const { key, options, plan } = job;
    const digest = createHash('sha256');
    const parts: StoredPart[] = [];
    const sending = new Set<Promise<void>>();
    const failures: unknown[] = [];
    try {
      for (let number = 1; number <= plan.count && failures.length === 0; number += 1) {
        const length = partLength(plan, number);
        await this.#budget.take(length);
        let handedOn = false;
        try {
          const bytes = await reader.next(length);
          digest.update(bytes);
          const crc32 = crc32Base64(bytes);
          const stored = upload.parts.get(number);
          if (stored !== undefined) {
            if (stored.crc32 !== crc32) throw new UploadUnusable('it has other parts');
            parts.push(stored);
            options.onBytes?.(length);
            continue;
          }
          handedOn = true;
          const sent = this.#sendPart(job, upload.id, number, bytes, crc32)
            .then((part) => {
              parts.push(part);
              options.onBytes?.(length);
            })
            .catch((error: unknown) => void failures.push(error))
            .finally(() => {
              this.#budget.giveBack(length);
              sending.delete(sent);
            });
          sending.add(sent);
        } finally {
          if (!handedOn) this.#budget.giveBack(length);
        }
      }
      await reader.end();
    } finally {
      await Promise.all(sending);
    }
    if (failures.length > 0) throw failures[0];
    if (digest.digest('hex') !== options.sha256) throw otherBytes(key);
    return parts.sort((a, b) => a.number - b.number);
  }

  async #sendPart(
    { key, s3Key }: Job,
    uploadId: string,
    number: number,
    body: Uint8Array,
    crc32: string,
  ): Promise<StoredPart> {
    const { wire } = this.#context;
    const request = {
      method: 'PUT',
      path: wire.pathOf(s3Key),
      query: { partNumber: String(number), uploadId },
      headers: { 'x-amz-checksum-crc32': crc32 },
      body,
      payloadHash: unsignedPayload,
      what: requestName(`PUT part ${number} of`, key),
      action: 's3:PutObject',
    } as const;
    try {
      return await withRetries(this.#context, transferDeadlineMs(body.length), async ({ signal }) => {
        const response = await wire.send({ ...request, signal });
        await finish(response, { ...request, signal });
        const { etag } = response.headers;
        if (etag === undefined) throw unexpected(request.what, 'the server returned no ETag');
        return { number, etag, crc32, sizeBytes: body.length };
      });
    } catch (error) {
      throw isRefusal(error, 'NoSuchUpload') ? new UploadUnusable('it is gone', { cause: error }) : error;
    }
  }

  async #complete(
    job: Job,
    upload: OpenUpload,
    sent: readonly StoredPart[],
  ): Promise<{ readonly etag: string }> {
    const { key, s3Key, options, uploads } = job;
    const { condition, sha256 } = options;
    const ownEtag = async () => {
      const author = await authorshipOf(this.#context, key, s3Key);
      if (upload.token !== undefined) return etagOfOwn(author, upload.token);
      return author?.sha256 === sha256 ? author.etag : undefined;
    };
    let parts = sent;
    return writeSettled(this.#context, { key, condition, sizeBytes: 0, ownEtag }, async ({ signal }) => {
      try {
        return await uploads.complete(upload.id, parts, condition, signal);
      } catch (error) {
        // Already completed, and only the answer was lost; or by another publisher that resumed the same upload.
        if (isRefusal(error, 'NoSuchUpload')) {
          const etag = await ownEtag();
          if (etag !== undefined) return { etag };
          throw new UploadUnusable('it is gone', { cause: error });
        }
        if (!isRefusal(error, 'InvalidPart', 'InvalidPartOrder')) throw error;
        // The server gave a wrong ETag, or another publisher replaced a part: ask the server which parts it has.
        const listed = await uploads.partsOf(upload.id);
        const isSame = sent.every(({ number, crc32 }) =>
          listed?.some((part) => part.number === number && part.crc32 === crc32),
        );
        if (listed === undefined || !isSame) throw new UploadUnusable('it has other parts', { cause: error });
        parts = listed.filter(({ number }) => number <= sent.length);
        return uploads.complete(upload.id, parts, condition, signal);
      }
    });
  }
}
