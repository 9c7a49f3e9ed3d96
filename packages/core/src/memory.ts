import { setFlagsFromString } from 'node:v8';

/**
 * Keeps V8's young generation at the megabytes with which it starts. It would grow to 128 MiB whenever much is allocated,
 * which is not one bit faster here: next to nothing of what a document takes outlives it. Flags of the command line
 * could say so too, but the runner starts actions without any.
 */
export function keepYoungGenerationSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}

/**
 * Gives the memory of bytes back that nobody will look at again, such as an unpacked document. Left to the collector, they
 * pile up to tens of megabytes in each thread before it runs. Small buffers share their memory and are left alone.
 */
export function releaseBytes(bytes: Buffer): void {
  const { buffer } = bytes;
  if (buffer instanceof ArrayBuffer && buffer.byteLength > Buffer.poolSize) buffer.transfer(0);
}
