import { unreachable } from '@slipway/core';
import { ZipWriter } from '@zip.js/zip.js/lib/zip-core-writer.js';
import { dosDateTime } from './archive-time.ts';
import type { ArchiveEntry } from './entries.ts';
import type { PackedData } from './pack-files.ts';

/** File types and permissions of Unix, as Info-ZIP and macOS keep them in the upper half of the attributes. */
const modes = { file: 0o100644, executable: 0o100755, directory: 0o040755, link: 0o120777 };
const unixHost = 3 << 8;
const specificationVersion = 45;
const methods = { store: 0, deflate: 8 };

/** Writes entries as records of a zip, one after the other. */
export interface Zip {
  add(entry: ArchiveEntry, mode: number, data: PackedData): Promise<void>;
  /** Writes the central directory. */
  close(): Promise<void>;
}

/** A zip whose bytes go to `write`, and whose entries all have this time. */
export function openZip(write: (bytes: Uint8Array) => Promise<void>, timeMs: number): Zip {
  const writer = new ZipWriter(new WritableStream<Uint8Array>({ write }), {
    useWebWorkers: false,
    versionMadeBy: unixHost | specificationVersion,
    lastModDate: new Date(timeMs),
    // Without it, the time would be in the local time zone.
    rawLastModDate: dosDateTime(timeMs),
    extendedTimestamp: true,
  });
  return {
    async add(entry, mode, data) {
      if (entry.kind === 'directory') {
        await writer.add(`${entry.name}/`, undefined, { directory: true, unixMode: mode });
        return;
      }
      const { sizeBytes, compressedSizeBytes, crc32, method } = data;
      const reader = { readable: ReadableStream.from(data.bytes()), size: compressedSizeBytes };
      await writer.add(entry.name, reader, {
        passThrough: 'compressed',
        compressionMethod: methods[method],
        uncompressedSize: sizeBytes,
        crc32,
        unixMode: mode,
      });
    },
    async close() {
      await writer.close();
    },
  };
}

/** The mode of an entry, whatever the umask was when its file was created. */
export function modeOf(entry: ArchiveEntry): number {
  switch (entry.kind) {
    case 'directory':
      return modes.directory;
    case 'link':
      return modes.link;
    case 'file':
      return entry.executable ? modes.executable : modes.file;
    default:
      return unreachable(entry);
  }
}
