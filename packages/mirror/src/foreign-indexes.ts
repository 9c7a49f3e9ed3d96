import { createHash } from 'node:crypto';
import type { ObjectStore } from '@slipway/core';
import { type BlobRecord, blobKey, indexRecordsOf, maxIndexBytes } from '@slipway/spack-buildcache';
import { storeFinding } from './entry-findings.ts';
import { type Finding, finding } from './findings.ts';
import type { IndexPointer } from './index-pointer.ts';
import { checkSize, missingBlob, tamperedBlob } from './tarball.ts';

/**
 * Checks that whatever a pointer lists besides known indexes is stored and has the stated hash. Its contents are left
 * to versions that know them.
 */
export async function foreignIndexFindings(
  store: ObjectStore,
  pointer: Pick<IndexPointer, 'key' | 'others'>,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const record of pointer.others) {
    const problem = await blobProblem(store, record);
    if (problem !== undefined) findings.push(problem);
  }
  for (const { version } of indexRecordsOf({ version: 3, data: pointer.others })) {
    const what = `it lists a package index of version ${version}, which this version of Slipway does not know: only its presence was checked, not its contents`;
    findings.push(finding('index-newer', pointer.key, what, 'Use a newer version of Slipway to check it.'));
  }
  return findings;
}

async function blobProblem(store: ObjectStore, record: BlobRecord): Promise<Finding | undefined> {
  const key = blobKey(record.checksum);
  const hash = createHash('sha256');
  let sizeBytes = 0;
  try {
    const stream = await store.readStream(key, { maxBytes: maxIndexBytes });
    if (stream === undefined) return missingBlob(key, 'a payload of the pointer');
    for await (const chunk of stream.body) {
      hash.update(chunk);
      sizeBytes += chunk.length;
    }
  } catch (error) {
    const refused = storeFinding(error, key, 'blob-oversized', `it is larger than ${maxIndexBytes} bytes`);
    if (refused === undefined) throw error;
    return refused;
  }
  return (
    checkSize(key, sizeBytes, record.contentLength) ??
    (hash.digest('hex') === record.checksum ? undefined : tamperedBlob(key))
  );
}
