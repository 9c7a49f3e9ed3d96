import { randomUUID } from 'node:crypto';
import { rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Where a file is written before it gets its own name: in the same directory. */
export function partialPath(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomUUID()}.partial`);
}

/** Whether a file of this name was still being written when its process ended. */
export function isPartialName(name: string): boolean {
  return /^\..+\.[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.partial$/s.test(name);
}

/** Writes a file whole: a reader sees the old one or the new one, also after a crash. Throws what the file system does. */
export async function replaceFile(path: string, contents: string | Uint8Array): Promise<void> {
  const partial = partialPath(path);
  try {
    await writeFile(partial, contents, { flag: 'wx' });
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}
