import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { formatBytes, printable, systemErrorCode, UserError } from '@slipway/core';

/**
 * The whole of a file that an input names. Throws `UserError` `source-missing`, `source-unreadable`, or `too-large` before more
 * than `maxBytes` are read.
 */
export async function readInputFile(path: string, workDirectory: string, maxBytes: number): Promise<Buffer> {
  const shown = printable(path, 200);
  try {
    await using file = await open(resolve(workDirectory, path));
    const found = await file.stat();
    if (!found.isFile()) throw new UserError('source-unreadable', `${shown} is no file`);
    if (found.size > maxBytes) {
      throw new UserError('too-large', `${shown} has more than ${formatBytes(maxBytes)}`);
    }
    return await file.readFile();
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === undefined || error instanceof UserError) throw error;
    throw code === 'ENOENT'
      ? new UserError('source-missing', `there is no file ${shown}`, { cause: error })
      : new UserError('source-unreadable', `${shown} cannot be read (${code})`, { cause: error });
  }
}
