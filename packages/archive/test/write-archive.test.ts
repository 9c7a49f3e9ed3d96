import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { lstatSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { serverProgram, temporaryDirectory } from '@slipway/testkit';
import { describe, expect, it } from 'vitest';
import { type ArchiveEntry, checkArchive, type PackedFiles } from '../src/index.ts';
import { fileEntry, textEntry, unzip, writeNew } from './archives.ts';

const entries: readonly ArchiveEntry[] = [
  textEntry('README.txt', 'Read me.\n'),
  fileEntry('app', `#!/bin/sh\n${'echo hello\n'.repeat(1000)}`, true),
  { name: 'empty', kind: 'directory' },
  fileEntry('lib/data.bin', randomBytes(3_000_000)),
  { name: 'lib/current', kind: 'link', target: 'data.bin' },
  fileEntry('lib/zero', ''),
  fileEntry('naïve – 名.txt', 'x'),
];

describe('an archive that was written', () => {
  it('is unpacked by Info-ZIP with its modes, links, times and bytes', async () => {
    const { path } = await writeNew(entries);
    expect(unzip('-t', path)).toContain('No errors detected');
    const listing = unzip('-Z', path);
    expect(listing).toMatch(/-rwxr-xr-x {2}4\.5 unx .* defN 26-Jul-01 12:30 app\n/);
    expect(listing).toMatch(/-rw-r--r-- .* README\.txt\n/);
    expect(listing).toMatch(/drwxr-xr-x .* empty\/\n/);
    expect(listing).toMatch(/lrwxrwxrwx .* lib\/current\n/);
    const out = temporaryDirectory('out');
    unzip('-q', path, '-d', out);
    expect(statSync(join(out, 'app')).mode & 0o777).toBe(0o755);
    expect(statSync(join(out, 'app')).mtimeMs).toBe(Date.UTC(2026, 6, 1, 12, 30, 15));
    expect(lstatSync(join(out, 'lib/current')).isSymbolicLink()).toBe(true);
    expect(readlinkSync(join(out, 'lib/current'))).toBe('data.bin');
    expect(statSync(join(out, 'empty')).isDirectory()).toBe(true);
    for (const entry of entries) {
      if (entry.kind !== 'file') continue;
      const wanted =
        entry.source.kind === 'text' ? Buffer.from(entry.source.text) : readFileSync(entry.source.path);
      expect(readFileSync(join(out, entry.name)).equals(wanted), entry.name).toBe(true);
    }
  });

  const sevenZip = serverProgram('7zz');
  it.skipIf(sevenZip === undefined)('is accepted by 7-Zip (skipped where it is missing)', async () => {
    const { path } = await writeNew(entries);
    const printed = execFileSync(sevenZip ?? '', ['t', path], { encoding: 'utf8' });
    expect(printed).toContain('Everything is Ok');
    expect(printed).not.toMatch(/warning/i);
  });

  it('reads back with the hashes taken while it was written', async () => {
    const written = await writeNew(entries);
    await expect(checkArchive(written.path, written, () => undefined)).resolves.toBeUndefined();
    expect(written.sha256).toBe(createHash('sha256').update(readFileSync(written.path)).digest('hex'));
    expect(written.sizeBytes).toBe(statSync(written.path).size);
  });

  it('has no data descriptors, so that it can be unpacked as a stream', async () => {
    const { path } = await writeNew(entries);
    const bytes = readFileSync(path);
    expect(bytes.readUInt16LE(6) & 8).toBe(0);
    expect(unzip('-Zv', path)).not.toMatch(/extended local header: +yes/);
  });

  it.each([0, 1, 6, 9])('has the same bytes every time at level %i', async (level) => {
    const one = await writeNew(entries, { level });
    const other = await writeNew(entries, { level });
    expect(one.sha256).toBe(other.sha256);
    await checkArchive(one.path, one, () => undefined);
    expect(unzip('-t', one.path)).toContain('No errors detected');
  });

  it('copies files from an earlier archive, with the same result', async () => {
    const packedFiles: PackedFiles = new Map();
    await writeNew(entries, { packedFiles });
    expect(packedFiles.size).toBe(4);
    const copied = await writeNew(entries.toReversed(), { packedFiles });
    const fresh = await writeNew(entries.toReversed());
    expect(copied.sha256).toBe(fresh.sha256);
    await checkArchive(copied.path, copied, () => undefined);
  });
});
