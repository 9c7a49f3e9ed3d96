import { InternalError } from '@slipway/core';
import { hasContents } from '@slipway/local-files';
import type { WrittenArchive } from './entries.ts';
import { readArchive } from './read-archive.ts';

/**
 * Reads an archive back from its file, with a different library from the one that wrote it, and compares every entry with the hash
 * taken when its source was read. Throws `InternalError` when anything differs.
 */
export async function checkArchive(
  path: string,
  written: WrittenArchive,
  onBytes: (count: number) => void,
): Promise<void> {
  const expected = written.entries;
  const totalBytes = expected.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const limits = { maxEntries: expected.length, maxTotalBytes: totalBytes };
  const found = await readArchive(path, limits, onBytes);
  if (found.length !== expected.length) throw differs('it has a different number of entries');
  for (const [index, entry] of found.entries()) {
    const wanted = expected[index];
    const isSame =
      wanted !== undefined &&
      entry.name === wanted.name &&
      entry.kind === wanted.kind &&
      entry.mode === wanted.mode &&
      entry.sizeBytes === wanted.sizeBytes &&
      entry.sha256 === wanted.sha256;
    if (!isSame) throw differs(`its entry ${index + 1} differs`);
  }
  if (!hasContents(path, written)) throw differs('its bytes differ');
}

function differs(what: string): InternalError {
  return new InternalError(`an archive that was just written does not read back as it was written: ${what}`);
}
