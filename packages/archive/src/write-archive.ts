import { hash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { unreachable, writeError } from '@slipway/core';
import { requireUnchanged } from '@slipway/local-files';
import { ArchiveSink } from './archive-sink.ts';
import type { ArchiveEntry, PackSource, WrittenArchive, WrittenEntry } from './entries.ts';
import { type PackedData, type PackedMeasures, packedOrThrow, packFiles } from './pack-files.ts';
import { readRange } from './read-range.ts';
import { modeOf, openZip } from './zip-records.ts';

/** Files that are already compressed in an archive, by path: they are copied from there. */
export type PackedFiles = Map<string, { readonly archive: string; readonly start: number } & PackedMeasures>;

export interface WriteOptions {
  readonly level: number;
  /** For all entries, in milliseconds since 1970. */
  readonly timeMs: number;
  readonly scratchDirectory: string;
  /** From archives written with the same level; the files of this one are added. */
  readonly packedFiles: PackedFiles;
  readonly onBytes: (count: number) => void;
}

/**
 * Writes a zip (APPNOTE 6.3) with these entries in this order to a new file. The bytes depend only on the entries, the contents of
 * their files, `level` and `timeMs`. Every local header is complete, so no entry has a data descriptor. Throws `UserError`:
 * `content-invalid` when a file changes while it is read, `source-missing`, `source-unreadable`, `disk-full`, `target-read-only`;
 * what was written is then unusable.
 */
export async function writeArchive(
  path: string,
  entries: readonly ArchiveEntry[],
  options: WriteOptions,
): Promise<WrittenArchive> {
  const handle = await openNew(path);
  try {
    return await writeEntries(handle, path, entries, options);
  } catch (error) {
    throw writeError(path, error, 'Name a writable directory.');
  } finally {
    await handle.close();
  }
}

async function writeEntries(
  handle: FileHandle,
  path: string,
  entries: readonly ArchiveEntry[],
  options: WriteOptions,
): Promise<WrittenArchive> {
  const sink = new ArchiveSink(handle);
  const zip = openZip((bytes) => sink.write(bytes), options.timeMs);
  // A copy: what this archive adds can be read only once it is complete.
  const packedBefore = new Map(options.packedFiles);
  const isFresh = (source: PackSource): boolean => source.kind === 'text' || !packedBefore.has(source.path);
  const fresh = packFiles(
    entries.flatMap((entry) => (entry.kind === 'file' && isFresh(entry.source) ? [entry.source] : [])),
    options,
  );
  const written: WrittenEntry[] = [];
  try {
    for (const entry of entries) {
      const data = await dataOf(entry, fresh, packedBefore, options.onBytes);
      const mode = modeOf(entry);
      try {
        await zip.add(entry, mode, data);
      } finally {
        await data.close();
      }
      const { method, sizeBytes, compressedSizeBytes, crc32, sha256, program, identity } = data;
      const measures = { sizeBytes, compressedSizeBytes, crc32, sha256, program };
      if (entry.kind === 'file' && entry.source.kind === 'file') {
        const start = sink.sizeBytes - compressedSizeBytes;
        options.packedFiles.set(entry.source.path, { ...measures, method, identity, archive: path, start });
      }
      written.push({ name: entry.name, kind: entry.kind, mode, ...measures });
    }
    await zip.close();
  } finally {
    await fresh.return();
  }
  const sha256 = await sink.finish();
  return { sizeBytes: sink.sizeBytes, sha256, entries: written };
}

async function dataOf(
  entry: ArchiveEntry,
  fresh: AsyncGenerator<PackedData, void>,
  packedBefore: PackedFiles,
  onBytes: (count: number) => void,
): Promise<PackedData> {
  switch (entry.kind) {
    case 'directory':
      return packText('');
    case 'link':
      return packText(entry.target);
    case 'file': {
      const { source } = entry;
      const before = source.kind === 'file' ? packedBefore.get(source.path) : undefined;
      if (source.kind === 'text' || before === undefined) return packedOrThrow(await fresh.next());
      if (before.identity !== undefined) await requireUnchanged(source.path, before.identity);
      onBytes(before.sizeBytes);
      return {
        ...before,
        bytes: () => readRange(before.archive, before.start, before.compressedSizeBytes),
        close: async () => undefined,
      };
    }
    default:
      return unreachable(entry);
  }
}

/** A short text, stored uncompressed. */
function packText(text: string): PackedData {
  const bytes = Buffer.from(text);
  return {
    method: 'store',
    sizeBytes: bytes.length,
    compressedSizeBytes: bytes.length,
    crc32: crc32(bytes),
    sha256: hash('sha256', bytes),
    program: undefined,
    identity: undefined,
    async *bytes() {
      yield bytes;
    },
    close: async () => undefined,
  };
}

async function openNew(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx', 0o644);
  } catch (error) {
    throw writeError(path, error, 'Name a writable directory.');
  }
}
