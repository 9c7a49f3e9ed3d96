/** The memory of a table; threads that receive it share the table. */
export interface NodeTableMemory {
  readonly control: SharedArrayBuffer;
  readonly buckets: SharedArrayBuffer;
  readonly records: SharedArrayBuffer;
  readonly content: SharedArrayBuffer;
}

const minReservedBytes = 64 * 2 ** 20;

/** Reserves as much as the limit on address space allows. */
export function reserve(maxBytes: number): SharedArrayBuffer {
  for (let maxByteLength = maxBytes; ; maxByteLength /= 2) {
    try {
      return new SharedArrayBuffer(0, { maxByteLength });
    } catch (error) {
      if (!(error instanceof RangeError) || maxByteLength <= minReservedBytes) throw error;
    }
  }
}

/** Grows the memory to this many bytes, in steps. */
export function growTo(buffer: SharedArrayBuffer, bytes: number, stepBytes: number): void {
  if (bytes > buffer.byteLength) buffer.grow(Math.ceil(bytes / stepBytes) * stepBytes);
}
