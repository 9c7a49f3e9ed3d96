import { randomUUID } from 'node:crypto';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { InternalError, makeDirectories, printable, type Redactor, writeError } from '@slipway/core';
import type { ResultFile } from './declaration.ts';

const hint = 'Name a file in a writable directory.';

/**
 * Writes a file of a result, without the secrets of the run, and returns its absolute path: where the user wants it
 * (relative to `workDirectory`), or in a new directory under `temporaryDirectory`, so that two steps of a job never share
 * one. A reader sees the whole old file or the whole new one. Only the owner can read a `secret` one. Throws `UserError`
 * `disk-full` or `target-read-only`.
 */
export async function writeResultFile(
  file: ResultFile,
  directories: { readonly workDirectory: string; readonly temporaryDirectory: string },
  redactor: Pick<Redactor, 'redact'>,
  secret = false,
): Promise<string> {
  if (file.path === undefined && basename(file.defaultName) !== file.defaultName) {
    throw new InternalError(`the file name "${printable(file.defaultName)}" is a path`);
  }
  let path: string | undefined;
  try {
    path =
      file.path === undefined
        ? join(await mkdtemp(join(directories.temporaryDirectory, 'slipway-')), file.defaultName)
        : resolve(directories.workDirectory, file.path);
    makeDirectories(dirname(path), hint);
    await replaceFile(path, writableContents(file, redactor), secret ? 0o600 : 0o666);
    return path;
  } catch (error) {
    throw writeError(path ?? directories.temporaryDirectory, error, hint);
  }
}

/** The contents of a file as one text. */
export function contentsText(contents: ResultFile['contents']): string {
  return typeof contents === 'string' ? contents : [...contents].join('');
}

/** The contents of a file without the secrets of the run, redacted piece by piece as they are read. */
function writableContents(
  { contents, isPublic }: ResultFile,
  redactor: Pick<Redactor, 'redact'>,
): ResultFile['contents'] {
  if (isPublic) return contents;
  if (typeof contents === 'string') return redactor.redact(contents);
  return {
    *[Symbol.iterator]() {
      for (const piece of contents) yield redactor.redact(piece);
    },
  };
}

async function replaceFile(path: string, contents: ResultFile['contents'], mode: number): Promise<void> {
  const partial = join(dirname(path), `.${basename(path)}.${randomUUID()}.partial`);
  try {
    await writeFile(partial, contents, { mode, flag: 'wx' });
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}
