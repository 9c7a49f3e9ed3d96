const minChunkBytes = 1024;
const maxChunkBytes = 4 * 1024 * 1024;

/**
 * The size that a gzip file says it unpacks to (RFC 1952, ISIZE), and a byte more, within bounds: with it one buffer is
 * enough, and nothing is copied together. A wrong one costs only time.
 */
export function unpackedBytes(stored: Uint8Array): number {
  if (stored.length < 18) return minChunkBytes;
  const size = new DataView(stored.buffer, stored.byteOffset, stored.byteLength).getUint32(
    stored.length - 4,
    true,
  );
  return Math.min(maxChunkBytes, Math.max(minChunkBytes, size + 1));
}
