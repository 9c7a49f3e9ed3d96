import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { formatBytes, systemErrorCode, UserError } from '@slipway/core';
import type { InputSurroundings } from '@slipway/runner';
import { compileSchema } from './schema.ts';

/** GitHub adds what it knows of the repository and the sender to a payload of 64 KiB. */
const maxEventBytes = 2 ** 20;
const maxSchemaBytes = 2 ** 20;

/** A file of this machine, whole. Throws `UserError` `source-missing`, `source-unreadable` or `too-large`. */
async function readBounded(path: string, maxBytes: number): Promise<Buffer> {
  try {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      if (size > maxBytes) throw new UserError('too-large', `it has more than ${formatBytes(maxBytes)}`);
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === undefined || error instanceof UserError) throw error;
    throw new UserError(
      code === 'ENOENT' ? 'source-missing' : 'source-unreadable',
      `it cannot be read (${code})`,
      {
        cause: error,
      },
    );
  }
}

/** The bytes of a payload or an event. */
export function readEventFile(path: string, workDirectory: string): Promise<Buffer> {
  return readBounded(resolve(workDirectory, path), maxEventBytes);
}

/** The text of a schema. */
export function readSchemaFile(path: string, workDirectory: string): Promise<Buffer> {
  return readBounded(resolve(workDirectory, path), maxSchemaBytes);
}

/** Throws an `Error` for a file that is no usable schema. */
export async function checkSchemaFile(path: string, { workDirectory }: InputSurroundings): Promise<void> {
  await compileSchema(await readSchemaFile(path, workDirectory));
}
