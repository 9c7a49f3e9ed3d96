import { asSlipwayError, counted, type ObjectStore, type ProgressPort } from '@slipway/core';

/** S3 accepts no smaller parts, so smaller files were never sent in parts. */
export const smallestPartBytes = 5 * 2 ** 20;
const rule =
  'A lifecycle rule of the bucket with AbortIncompleteMultipartUpload ends all of them, whoever started them.';

/**
 * Ends the multipart uploads of our keys that killed runs left behind, and reports what it cannot end. Takes one request, or
 * none where no file is large enough to be sent in parts. Never makes a publish fail.
 */
export async function endAbandonedUploads(
  files: readonly { readonly sizeBytes: number }[],
  isOurs: (key: string) => boolean,
  store: ObjectStore,
  progress: ProgressPort,
): Promise<void> {
  if (store.endAbandonedUploads === undefined) return;
  if (!files.some(({ sizeBytes }) => sizeBytes > smallestPartBytes)) return;
  try {
    const found = await store.endAbandonedUploads(isOurs);
    if (found === undefined) {
      progress.info(
        `Multipart uploads that killed runs left behind cannot be listed: allow s3:ListBucketMultipartUploads. ${rule}`,
      );
      return;
    }
    if (found.ended > 0)
      progress.info(
        `Ended ${counted(found.ended, 'multipart upload')} that killed runs left behind more than a day ago.`,
      );
    if (found.left > 0)
      progress.info(
        `Left ${counted(found.left, 'multipart upload')} of other keys alone, more than a day old; they cost as much as objects. ${rule}`,
      );
  } catch (error) {
    progress.info(
      `Multipart uploads that killed runs left behind were not looked for: ${asSlipwayError(error).message}`,
    );
  }
}
