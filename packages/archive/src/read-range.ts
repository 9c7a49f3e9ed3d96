import { open } from 'node:fs/promises';
import { printable, UserError } from '@slipway/core';

const readBytes = 2 ** 20;

/** The bytes of a part of a file. Throws `UserError` `content-invalid` when the file is shorter. */
export async function* readRange(
  path: string,
  start: number,
  sizeBytes: number,
): AsyncGenerator<Uint8Array, void> {
  const handle = await open(path, 'r');
  try {
    for (let position = 0; position < sizeBytes; ) {
      const buffer = Buffer.allocUnsafeSlow(Math.min(readBytes, sizeBytes - position));
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, start + position);
      if (bytesRead === 0)
        throw new UserError('content-invalid', `${printable(path)} is shorter than it was written`);
      position += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}
