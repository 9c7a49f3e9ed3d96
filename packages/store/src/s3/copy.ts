import { type CopySource, encodeKey, mapConcurrently, type WriteOptions } from '@slipway/core';
import { transferDeadlineMs, unexpected } from '@slipway/http';
import { conditionFailed, requestName } from '../key-errors.ts';
import { authorshipOf, etagOfOwn, refuseEarly, writeSettled } from './conditions.ts';
import type { S3Context } from './context.ts';
import { objectHeaders } from './headers.ts';
import { newWriteToken } from './history.ts';
import { type PartPlan, partLength, planParts, type StoredPart } from './parts.ts';
import { withRetries } from './retries.ts';
import { S3Uploads } from './uploads.ts';
import { isRefusal } from './wire.ts';
import { textOf } from './xml.ts';

const partSizeBytes = 64 * 2 ** 20;
const maxStarts = 4;

/**
 * Copies an object within the bucket, in parts (UploadPartCopy): their completion supports conditions, which CopyObject does not on
 * every server. Throws `RemoteError` `condition-failed` if `condition` does not hold, or the source has changed.
 */
export async function copyObject(
  context: S3Context,
  from: CopySource,
  key: string,
  options: WriteOptions,
): Promise<{ readonly etag: string }> {
  const s3Key = context.keys.toWrite(key);
  const job: Job = {
    from,
    key,
    s3Key,
    options,
    plan: planParts(key, from.sizeBytes, partSizeBytes),
    uploads: new S3Uploads(context, key, s3Key),
  };
  await refuseEarly(context, key, s3Key, options.condition);
  await abortLeftCopies(job.uploads);
  for (let start = 1; ; start += 1) {
    try {
      return await copyOnce(context, job);
    } catch (error) {
      // Another publisher started at the same time and aborted it as abandoned.
      if (!isRefusal(error, 'NoSuchUpload') || start === maxStarts) throw error;
    }
  }
}

/**
 * Aborts copies left by killed processes: nobody completes them, and the bucket would keep their parts. Uploads whose
 * parts were sent have checksums, and are kept.
 */
async function abortLeftCopies(uploads: S3Uploads): Promise<void> {
  for (const { id } of await uploads.unfinished()) {
    const parts = await uploads.partsOf(id);
    if (parts === undefined || parts.length === 0) continue;
    if (parts.every(({ crc32 }) => crc32 === undefined)) await uploads.abort([id]);
  }
}

interface Job {
  readonly from: CopySource;
  readonly key: string;
  readonly s3Key: string;
  readonly options: WriteOptions;
  readonly plan: PartPlan;
  readonly uploads: S3Uploads;
}

async function copyOnce(context: S3Context, job: Job): Promise<{ readonly etag: string }> {
  const { settings, history, tuning } = context;
  const { key, s3Key, options, plan, uploads } = job;
  const { condition } = options;
  const token = newWriteToken();
  const headers = objectHeaders(key, options, settings, history.headerFor(token, condition));
  const id = await uploads.begin(headers, 'copied');
  try {
    const numbers = Array.from({ length: plan.count }, (_, index) => index + 1);
    const parts = await mapConcurrently(numbers, tuning.concurrency, (number) =>
      copyPart(context, job, id, number),
    );
    const ownEtag = async () => etagOfOwn(await authorshipOf(context, key, s3Key), token);
    return await writeSettled(context, { key, condition, sizeBytes: 0, ownEtag }, async ({ signal }) => {
      try {
        return await uploads.complete(id, parts, condition, signal);
      } catch (error) {
        // Already completed; only the answer was lost.
        const etag = isRefusal(error, 'NoSuchUpload') ? await ownEtag() : undefined;
        if (etag === undefined) throw error;
        return { etag };
      }
    });
  } catch (error) {
    await uploads.abort([id]);
    throw error;
  }
}

async function copyPart(
  context: S3Context,
  { from, key, s3Key, plan }: Job,
  id: string,
  number: number,
): Promise<StoredPart> {
  const { wire, keys } = context;
  const what = requestName(`COPY part ${number} of`, key);
  const sizeBytes = partLength(plan, number);
  const start = (number - 1) * plan.partSizeBytes;
  // Single-part objects may be too small for a range.
  const range =
    plan.count === 1 ? {} : { 'x-amz-copy-source-range': `bytes=${start}-${start + sizeBytes - 1}` };
  const headers = {
    'x-amz-copy-source': `/${wire.place.bucket}/${encodeKey(keys.toUse(from.key))}`,
    'x-amz-copy-source-if-match': from.etag,
    ...range,
  };
  try {
    return await withRetries(context, transferDeadlineMs(sizeBytes), async ({ signal }) => {
      const { xml } = await wire.document({
        method: 'PUT',
        path: wire.pathOf(s3Key),
        query: { partNumber: String(number), uploadId: id },
        headers,
        what,
        action: 's3:PutObject',
        root: 'CopyPartResult',
        signal,
      });
      const etag = textOf(xml, 'ETag');
      if (etag === undefined) throw unexpected(what, 'the server returned no ETag');
      return { number, etag, crc32: undefined, sizeBytes };
    });
  } catch (error) {
    if (!isRefusal(error, 'PreconditionFailed', 'NoSuchKey')) throw error;
    throw conditionFailed(from.key, 'changed before it was copied');
  }
}
