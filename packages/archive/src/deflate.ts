import { constants, deflateRaw, deflateRawSync } from 'node:zlib';

/** Fixed, so that the bytes do not depend on the number of threads. */
export const chunkBytes = 2 ** 20;
/** The maximum distance of a back-reference (RFC 1951). */
const windowBytes = 2 ** 15;
const outputBytes = 2 ** 18;
/** Below this size, compressing takes less time than passing the bytes to another thread. */
const smallBytes = 2 ** 13;

export interface DeflateOptions {
  readonly level: number;
  /** The previous piece, whose end this one may refer to. */
  readonly before: Uint8Array | undefined;
  readonly isLast: boolean;
}

/**
 * A piece of a file, compressed on one of libuv's threads. The pieces of a file together are one deflate stream (RFC 1951): each
 * uses the end of the previous one as its dictionary, and ends on a byte boundary.
 */
export function deflatePiece(
  piece: Uint8Array,
  { level, before, isLast }: DeflateOptions,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const options = {
      level,
      chunkSize: Math.min(outputBytes, Math.max(1_024, piece.length)),
      finishFlush: isLast ? constants.Z_FINISH : constants.Z_SYNC_FLUSH,
      ...(before === undefined ? {} : { dictionary: before.subarray(-windowBytes) }),
    };
    if (piece.length <= smallBytes) return resolve(compact(deflateRawSync(piece, options)));
    deflateRaw(piece, options, (error, result) => {
      if (error === null) resolve(compact(result));
      else reject(error);
    });
  });
}

/** A copy without the unused memory of zlib's buffer, so that buffered pieces take no more memory than their length. */
function compact(bytes: Buffer): Uint8Array {
  return bytes.length * 2 < bytes.buffer.byteLength ? new Uint8Array(bytes) : bytes;
}
