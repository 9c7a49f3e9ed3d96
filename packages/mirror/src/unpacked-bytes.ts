const minChunkBytes = 1024;
const maxChunkBytes = 4 * 1024 * 1024;

/**
 * A buffer size for unpacking a gzip file: one byte more than it claims to unpack to (RFC 1952, ISIZE), within bounds,
 * so that one buffer usually suffices. A false claim costs only time.
 */
export function unpackedBytes(stored: Uint8Array): number {
  if (stored.length < 18) return minChunkBytes;
  const size = new DataView(stored.buffer, stored.byteOffset, stored.byteLength).getUint32(
    stored.length - 4,
    true,
  );
  return Math.min(maxChunkBytes, Math.max(minChunkBytes, size + 1));
}
