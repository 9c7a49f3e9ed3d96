import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { temporaryDirectory } from '@slipway/testkit';
import { type ArchiveEntry, type WriteOptions, type WrittenArchive, writeArchive } from '../src/index.ts';

/** The default options of the tests. */
export function writeOptions(changes: Partial<WriteOptions> = {}): WriteOptions {
  return {
    level: 6,
    timeMs: Date.UTC(2026, 6, 1, 12, 30, 15),
    scratchDirectory: temporaryDirectory('scratch'),
    packedFiles: new Map(),
    onBytes: () => undefined,
    ...changes,
  };
}

/** Writes an archive into a new file. */
export async function writeNew(
  entries: readonly ArchiveEntry[],
  changes: Partial<WriteOptions> = {},
): Promise<WrittenArchive & { readonly path: string }> {
  const path = join(temporaryDirectory('archive'), `${randomUUID()}.zip`);
  return { path, ...(await writeArchive(path, entries, writeOptions(changes))) };
}

/** An entry with the bytes of a new file. */
export function fileEntry(name: string, content: string | Uint8Array, executable = false): ArchiveEntry {
  const path = join(temporaryDirectory('source'), name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return { name, kind: 'file', executable, source: { kind: 'file', path, sizeBytes: content.length } };
}

export function textEntry(name: string, text: string): ArchiveEntry {
  return { name, kind: 'file', executable: false, source: { kind: 'text', text } };
}

/** The output of Info-ZIP. Throws if it fails. */
export function unzip(...args: readonly string[]): string {
  return execFileSync('unzip', args, {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    env: { PATH: process.env['PATH'], TZ: 'UTC', LC_ALL: 'C.UTF-8' },
  });
}
