import { setFlagsFromString } from 'node:v8';

/**
 * Keeps V8's young generation at its initial size. It would grow to 128 MiB under heavy allocation without being faster:
 * almost nothing outlives one document. A command line flag could do this, but the runner passes none to actions.
 */
export function keepYoungGenerationSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}

/**
 * Frees the memory of bytes that are no longer needed, such as an unpacked document. Otherwise tens of megabytes pile up
 * in each thread before the collector runs. Small buffers share their memory and are left alone.
 */
export function releaseBytes(bytes: Buffer): void {
  const { buffer } = bytes;
  if (buffer instanceof ArrayBuffer && buffer.byteLength > Buffer.poolSize) buffer.transfer(0);
}
