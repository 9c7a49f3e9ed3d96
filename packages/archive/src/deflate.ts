import { constants, deflateRaw, deflateRawSync } from 'node:zlib';

/** Fixed, so that the bytes do not depend on how many threads there are. */
export const chunkBytes = 2 ** 20;
/** How far back a compressed byte may refer (RFC 1951). */
const windowBytes = 2 ** 15;
const outputBytes = 2 ** 18;
/** What takes less time to compress than to hand to another thread. */
const smallBytes = 2 ** 13;

export interface DeflateOptions {
  readonly level: number;
  /** The piece before this one, whose end this one may refer to. */
  readonly before: Uint8Array | undefined;
  readonly isLast: boolean;
}

/**
 * A piece of a file, compressed on one of libuv's threads, so that all pieces of the file one after the other are one deflate
 * stream (RFC 1951): each begins with the end of the one before as dictionary and ends at a byte.
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

/** Without the memory that zlib gave it and it did not need: all that is held must be what it seems. */
function compact(bytes: Buffer): Uint8Array {
  return bytes.length * 2 < bytes.buffer.byteLength ? new Uint8Array(bytes) : bytes;
}
