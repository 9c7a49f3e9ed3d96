import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { InternalError } from '@slipway/core';
import type { WrittenArchive } from './entries.ts';
import { readArchive } from './read-archive.ts';

/**
 * Reads an archive back from its file, by another program than the one that wrote it, and compares every entry with what was
 * hashed when its source was read. Throws `InternalError` when anything differs.
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
  if (found.length !== expected.length) throw differs('it has another number of entries');
  for (const [index, entry] of found.entries()) {
    const wanted = expected[index];
    const isSame =
      wanted !== undefined &&
      entry.name === wanted.name &&
      entry.kind === wanted.kind &&
      entry.mode === wanted.mode &&
      entry.sizeBytes === wanted.sizeBytes &&
      entry.sha256 === wanted.sha256;
    if (!isSame) throw differs(`its entry ${index + 1} is another`);
  }
  if ((await sha256Of(path)) !== written.sha256) throw differs('its bytes are others');
}

function differs(what: string): InternalError {
  return new InternalError(`an archive that was just written does not read back as it was written: ${what}`);
}

async function sha256Of(path: string): Promise<string> {
  const digest = createHash('sha256');
  for await (const piece of createReadStream(path, { highWaterMark: 2 ** 20 })) digest.update(piece);
  return digest.digest('hex');
}
