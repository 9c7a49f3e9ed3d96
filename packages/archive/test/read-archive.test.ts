import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';
import { temporaryDirectory } from '@slipway/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ArchiveEntry, readArchive } from '../src/index.ts';
import { textEntry, writeNew } from './archives.ts';

const limits = { maxEntries: 1_000, maxTotalBytes: 2 ** 30 };

/** An archive of these entries, as bytes. */
async function archiveOf(...entries: readonly ArchiveEntry[]): Promise<Buffer> {
  return readFileSync((await writeNew(entries)).path);
}

function offsetsOf(zip: Buffer, signature: number): readonly number[] {
  const wanted = Buffer.alloc(4);
  wanted.writeUInt32LE(signature);
  const offsets: number[] = [];
  for (let at = zip.indexOf(wanted); at !== -1; at = zip.indexOf(wanted, at + 1)) offsets.push(at);
  return offsets;
}
const centralOffsets = (zip: Buffer): readonly number[] => offsetsOf(zip, 0x02014b50);
const localOffsets = (zip: Buffer): readonly number[] => offsetsOf(zip, 0x04034b50);

/** The same bytes after a change to a copy of them. */
function changed(zip: Buffer, change: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(zip);
  change(copy);
  return copy;
}

describe('a zip that other programs wrote', () => {
  it('is read: Info-ZIP, with and without a name for its end', async () => {
    const directory = temporaryDirectory('zip');
    mkdirSync(join(directory, 'd'));
    writeFileSync(join(directory, 'd/a'), 'hello '.repeat(100));
    execFileSync('zip', ['-q', '-r', 'x.zip', 'd'], { cwd: directory });
    const streamed = execFileSync('zip', ['-q', '-r', '-', 'd'], { cwd: directory });
    const read = await readArchive(join(directory, 'x.zip'), limits);
    expect(read).toMatchObject([
      { name: 'd', kind: 'directory' },
      { name: 'd/a', kind: 'file', sizeBytes: 600, mode: expect.any(Number) },
    ]);
    expect(await readArchive(streamed, limits)).toEqual(read);
  });
});

describe('I8: a zip is refused', () => {
  const refuse = async (zip: Buffer | string, code: string, words: string): Promise<void> => {
    const wanted = { code, message: expect.stringContaining(words) };
    await expect(readArchive(zip, limits)).rejects.toMatchObject(wanted);
  };

  it.each([
    ['../evil', '..'],
    ['/evil', 'absolute'],
    ['a/../../e', '..'],
    ['C:/evil', 'absolute'],
  ])('with the name %j', async (name, words) => {
    const zip = await archiveOf(textEntry('x'.repeat(name.length), 'hello'));
    const forged = Buffer.from(zip.toString('latin1').replaceAll('x'.repeat(name.length), name), 'latin1');
    await expect(readArchive(forged, limits)).rejects.toMatchObject({
      message: expect.stringContaining(words),
    });
  });

  it('with names that clash', async () => {
    const zip = await archiveOf(textEntry('aa', 'hello'), textEntry('xx', 'world'));
    const clashing = Buffer.from(zip.toString('latin1').replaceAll('xx', 'AA'), 'latin1');
    await refuse(clashing, 'name-invalid', 'upper and lower case');
  });

  it('with more entries, or a larger unpacked size, than is allowed, before any of it is unpacked', async () => {
    const zip = await archiveOf(textEntry('a', 'x'.repeat(1_000)), textEntry('b', 'x'.repeat(1_000)));
    let read = 0;
    const count = (bytes: number): void => {
      read += bytes;
    };
    await expect(readArchive(zip, { ...limits, maxEntries: 1 }, count)).rejects.toMatchObject({
      code: 'too-large',
    });
    await expect(readArchive(zip, { ...limits, maxTotalBytes: 1_999 }, count)).rejects.toMatchObject({
      code: 'too-large',
    });
    expect(read).toBe(0);
    await expect(readArchive(zip, { maxEntries: 2, maxTotalBytes: 2_000 }, count)).resolves.toHaveLength(2);
    expect(read).toBe(2_000);
  });

  it('that unpacks to more than it states: a bomb is abandoned at the limit', async () => {
    const zip = await archiveOf(textEntry('bomb', 'x'.repeat(50_000_000)));
    const lying = changed(zip, (copy) => {
      for (const at of centralOffsets(copy)) copy.writeUInt32LE(1_000, at + 24);
      for (const at of localOffsets(copy)) copy.writeUInt32LE(1_000, at + 22);
    });
    let read = 0;
    const reading = readArchive(lying, limits, (bytes) => {
      read += bytes;
    });
    await expect(reading).rejects.toMatchObject({ code: 'content-invalid' });
    expect(read).toBeLessThan(1_000_000);
  });

  it('that unpacks to less than it states', async () => {
    const zip = await archiveOf(textEntry('a', 'x'.repeat(5_000)));
    const lying = changed(zip, (copy) => {
      for (const at of centralOffsets(copy)) copy.writeUInt32LE(6_000, at + 24);
      for (const at of localOffsets(copy)) copy.writeUInt32LE(6_000, at + 22);
    });
    await refuse(lying, 'content-invalid', 'differs in size');
  });

  it('whose records differ', async () => {
    const zip = await archiveOf(textEntry('aaaa', 'x'.repeat(5_000)));
    const renamed = changed(zip, (copy) => void copy.write('bbbb', (localOffsets(copy)[0] ?? 0) + 30));
    await refuse(renamed, 'content-invalid', 'two records that differ');
  });

  it('whose entries share their bytes', async () => {
    const zip = await archiveOf(textEntry('aaaa', 'x'.repeat(5_000)), textEntry('bbbb', 'x'.repeat(5_000)));
    const [, second = 0] = centralOffsets(zip);
    const overlapping = changed(zip, (copy) => {
      copy.writeUInt32LE(0, second + 42);
      copy.write('aaab', second + 46);
    });
    // Its local record has the other name, like an entry that is listed twice.
    await refuse(overlapping, 'content-invalid', 'two records that differ');
    const [first = 0] = centralOffsets(zip);
    const quoted = changed(zip, (copy) => {
      copy.copy(copy, second, first, first + 46 + 4);
      copy.write('aaaa', second + 46);
      copy.write('aaaa', (localOffsets(copy)[1] ?? 0) + 30);
    });
    await refuse(quoted, 'name-invalid', 'appears twice');
    const inner = Buffer.concat([localRecord('in', Buffer.from('hello')), Buffer.from('hello')]);
    const nested = zipOf([
      { name: 'out', data: inner, at: 0 },
      { name: 'in', data: Buffer.from('hello'), at: 33 },
    ]);
    await refuse(nested, 'content-invalid', 'overlaps');
  });

  it('with bytes that do not match its checksum', async () => {
    const zip = await archiveOf(textEntry('a', 'hello'));
    const at = zip.indexOf('hello');
    await refuse(
      changed(zip, (copy) => void copy.write('J', at)),
      'content-invalid',
      'checksum',
    );
  });

  it('with bytes after the end of the compressed data', async () => {
    const content = Buffer.from('x'.repeat(5_000));
    const zip = zipOf([
      { name: 'a', data: Buffer.concat([deflateRawSync(content), randomBytes(20)]), at: 0, content },
    ]);
    await refuse(zip, 'content-invalid', 'after its end');
  });

  it('with something that is not a file, directory or link', async () => {
    const zip = await archiveOf(textEntry('a', 'hello'));
    const device = changed(zip, (copy) => {
      for (const at of centralOffsets(copy)) copy.writeUInt32LE((0o020644 << 16) >>> 0, at + 38);
    });
    await refuse(device, 'content-invalid', 'neither a file');
  });

  it('that is not a zip, or does not exist', async () => {
    await refuse(Buffer.from('PK'), 'content-invalid', 'broken');
    await refuse('/nowhere/x.zip', 'source-unreadable', 'ENOENT');
  });

  it('whatever its bytes are, or reads back unchanged', async () => {
    const zip = await archiveOf(textEntry('a', 'hello '.repeat(50)), textEntry('b/c', 'x'), {
      name: 'd',
      kind: 'link',
      target: 'a',
    });
    const honest = await readArchive(zip, limits);
    const codes = new Set(['content-invalid', 'name-invalid', 'too-large']);
    const change = fc.tuple(fc.nat(zip.length - 1), fc.integer({ min: 1, max: 255 }));
    const forged = fc.oneof(
      fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
      fc.nat(zip.length - 1).map((end) => zip.subarray(0, end)),
      fc.array(change, { minLength: 1, maxLength: 3 }).map((changes) =>
        changed(zip, (copy) => {
          for (const [at, mask] of changes) copy[at] = (copy[at] ?? 0) ^ mask;
        }),
      ),
    );
    await fc.assert(
      fc.asyncProperty(forged, async (bytes) => {
        try {
          const entries = await readArchive(bytes, limits);
          // No checksum protects times, attributes and names; one protects the contents of entries.
          const contents = honest.map(({ sha256 }) => sha256);
          for (const { sha256 } of entries) expect(contents).toContain(sha256);
        } catch (error) {
          if (!(error instanceof Error && 'code' in error)) throw error;
          expect(codes).toContain(error.code);
        }
      }),
      { numRuns: 600 },
    );
  });
});

interface ForgedEntry {
  readonly name: string;
  /** As stored in the zip. */
  readonly data: Buffer;
  readonly at: number;
  /** What `data` unpacks to; undefined for stored data. */
  readonly content?: Buffer;
}

function localRecord(name: string, data: Buffer, content?: Buffer): Buffer {
  const record = Buffer.alloc(30);
  record.writeUInt32LE(0x04034b50, 0);
  record.writeUInt16LE(20, 4);
  writeMeasures(record, 8, data, content);
  record.writeUInt16LE(name.length, 26);
  return Buffer.concat([record, Buffer.from(name)]);
}

function writeMeasures(record: Buffer, at: number, data: Buffer, content: Buffer | undefined): void {
  record.writeUInt16LE(content === undefined ? 0 : 8, at);
  record.writeUInt32LE(crc32(content ?? data), at + 6);
  record.writeUInt32LE(data.length, at + 10);
  record.writeUInt32LE((content ?? data).length, at + 14);
}

/** A zip whose first entry exists, with an arbitrary central directory. */
function zipOf(entries: readonly [ForgedEntry, ...ForgedEntry[]]): Buffer {
  const [{ name, data, content }] = entries;
  const body = Buffer.concat([localRecord(name, data, content), data]);
  const central = entries.map((entry) => {
    const record = Buffer.alloc(46);
    record.writeUInt32LE(0x02014b50, 0);
    record.writeUInt16LE(20, 6);
    writeMeasures(record, 10, entry.data, entry.content);
    record.writeUInt16LE(entry.name.length, 28);
    record.writeUInt32LE(entry.at, 42);
    return Buffer.concat([record, Buffer.from(entry.name)]);
  });
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(body.length, 16);
  return Buffer.concat([body, directory, end]);
}
