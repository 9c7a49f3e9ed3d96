import { createHash } from 'node:crypto';
import { mapConcurrently, type ObjectInfo, type ObjectStore, RemoteError } from '@slipway/core';
import type { SourceFile } from '@slipway/simple-index';

/** Whose word a SHA-256 is: the server's own checksum, metadata that somebody stored with the object, or these bytes read. */
export type HashOrigin = 'checksum' | 'metadata' | 'computed';

export interface FileHash {
  /** Of the whole object, 64 hexadecimal digits in lower case. */
  readonly sha256: string;
  readonly origin: HashOrigin;
}

/** What is known of an object after it was asked for. */
export type HashAnswer =
  | { readonly kind: 'known'; readonly hash: FileHash }
  /** The server has no hash of the whole object. */
  | { readonly kind: 'unknown' }
  /** It is gone, or has other bytes than those that were listed. */
  | { readonly kind: 'replaced' };

export interface HashOptions {
  /** Stream objects of which the server knows no hash, once. */
  readonly computeMissing: boolean;
  readonly maxBytes: number;
  /** How many objects are asked for at once. */
  readonly concurrency: number;
  readonly onDone?: (() => void) | undefined;
}

/** Where publishers keep a SHA-256 in an object's metadata: Slipway itself, and the scripts of others. */
const metadataNames = ['checksum-sha256', 'x-amz-meta-checksum-sha256', 'sha256'];

/**
 * Learns the SHA-256 of objects: one HEAD each, and the whole object if it must be computed. Answers are in the order of `files`. Throws
 * what the store throws: one failed HEAD fails all, so that no page is made of half of the hashes.
 */
export async function learnHashes(
  store: ObjectStore,
  files: readonly SourceFile[],
  { computeMissing, maxBytes, concurrency, onDone }: HashOptions,
): Promise<readonly HashAnswer[]> {
  return mapConcurrently(files, concurrency, async (file) => {
    const info = await store.head(file.key, { checksum: true });
    let answer = info === undefined ? replaced : answerOf(info, file);
    if (answer.kind === 'unknown' && computeMissing) answer = await compute(store, file, maxBytes);
    onDone?.();
    return answer;
  });
}

const replaced: HashAnswer = { kind: 'replaced' };

function answerOf(info: ObjectInfo, file: SourceFile): HashAnswer {
  const isSame = info.sizeBytes === file.sizeBytes && (info.etag === undefined || info.etag === file.etag);
  if (!isSame) return replaced;
  if (info.serverSha256 !== undefined) return known(info.serverSha256, 'checksum');
  const { metadata = {} } = info.headers ?? {};
  for (const name of metadataNames) {
    const sha256 = metadata[name]?.toLowerCase();
    if (sha256 !== undefined && /^[0-9a-f]{64}$/.test(sha256)) return known(sha256, 'metadata');
  }
  return info.sha256 === undefined ? { kind: 'unknown' } : known(info.sha256, 'metadata');
}

async function compute(store: ObjectStore, file: SourceFile, maxBytes: number): Promise<HashAnswer> {
  const stream = await store.readStream(file.key, { maxBytes });
  if (stream === undefined || (stream.info.etag !== undefined && stream.info.etag !== file.etag)) {
    await stream?.body[Symbol.asyncIterator]().return?.();
    return replaced;
  }
  const digest = createHash('sha256');
  let sizeBytes = 0;
  try {
    for await (const chunk of stream.body) {
      digest.update(chunk);
      sizeBytes += chunk.length;
    }
  } catch (error) {
    if (error instanceof RemoteError && error.code === 'condition-failed') return replaced;
    throw error;
  }
  return sizeBytes === file.sizeBytes ? known(digest.digest('hex'), 'computed') : replaced;
}

function known(sha256: string, origin: HashOrigin): HashAnswer {
  return { kind: 'known', hash: { sha256, origin } };
}
