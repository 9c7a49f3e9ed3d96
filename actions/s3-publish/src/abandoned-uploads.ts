import { asSlipwayError, counted, type ObjectStore, type ProgressPort } from '@slipway/core';
import type { LocalObject } from './plan.ts';

/** S3 takes no smaller parts, so smaller files were never sent in parts. */
const smallestPartBytes = 5 * 2 ** 20;
const rule =
  'A lifecycle rule of the bucket with AbortIncompleteMultipartUpload ends all of them, whoever left them.';

/**
 * Ends the uploads in parts that killed runs left of the files that are published, and tells what it cannot end. One request,
 * and none where no file was ever sent in parts. Never a reason for a publish to fail.
 */
export async function endAbandonedUploads(
  local: readonly LocalObject[],
  store: ObjectStore,
  progress: ProgressPort,
): Promise<void> {
  const keys = new Set(local.flatMap(({ key, sizeBytes }) => (sizeBytes > smallestPartBytes ? [key] : [])));
  if (store.endAbandonedUploads === undefined || keys.size === 0) return;
  try {
    const found = await store.endAbandonedUploads((key) => keys.has(key));
    if (found === undefined) {
      progress.info(
        `The destination does not show what killed runs left of uploads in parts: allow s3:ListBucketMultipartUploads. ${rule}`,
      );
      return;
    }
    if (found.ended > 0)
      progress.info(
        `Ended ${counted(found.ended, 'upload')} in parts that killed runs left more than a day ago.`,
      );
    if (found.left > 0)
      progress.info(
        `Left ${counted(found.left, 'upload')} in parts of other keys, more than a day old, which cost as objects do. ${rule}`,
      );
  } catch (error) {
    progress.info(
      `What killed runs left of uploads in parts was not looked for: ${asSlipwayError(error).message}`,
    );
  }
}
