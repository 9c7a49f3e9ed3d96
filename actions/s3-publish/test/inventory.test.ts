import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  formatInventory,
  type InventoryRecord,
  keyDigest,
  parseInventory,
  recordOf,
} from '../src/inventory.ts';

const hex = (digits: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: digits, maxLength: digits });
const record: fc.Arbitrary<InventoryRecord> = fc.record({
  state: hex(32),
  content: hex(32),
  headers: hex(16),
});
const headers = 'b'.repeat(16);
const inventory = fc.array(fc.tuple(hex(32), record), { maxLength: 50 }).map((entries) => new Map(entries));

describe('the inventory', () => {
  test('is read as it was written', async () => {
    await fc.assert(
      fc.asyncProperty(inventory, async (records) => {
        expect(await parseInventory(await formatInventory(records))).toEqual(records);
      }),
    );
  });

  test('is read as it was written if it is large', async () => {
    const records = new Map(
      Array.from({ length: 5_000 }, (_, index) => [
        keyDigest(`directory/${index}`),
        recordOf(`directory/${index}`, {
          sizeBytes: index,
          etag: `"${index}"`,
          sha256: 'a'.repeat(64),
          headers,
        }),
      ]),
    );
    expect(await parseInventory(await formatInventory(records))).toEqual(records);
  });

  test('is refused as a whole if a byte is missing or changed', async () => {
    await fc.assert(
      fc.asyncProperty(
        inventory,
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        async (records, position, flip) => {
          const packed = Buffer.from(await formatInventory(records));
          // The header of gzip has bytes without meaning here: time, speed flags, and the system.
          const at = 10 + (position % (packed.length - 10));
          const flipped = Buffer.from(packed);
          flipped[at] = (flipped[at] ?? 0) ^ flip;
          // A few bits between the data and the checksum mean nothing.
          const read = await parseInventory(flipped).catch((error) => error);
          if (read instanceof Map) expect(read).toEqual(records);
          else expect(read).toMatchObject({ code: 'content-invalid' });
          await expect(parseInventory(packed.subarray(0, at))).rejects.toMatchObject({
            code: 'content-invalid',
          });
        },
      ),
    );
  });

  const line = `${'a'.repeat(32)}\t${'c'.repeat(32)}\t${'d'.repeat(32)}\t${headers}`;
  test.each([
    ['nothing', ''],
    ['another first line', `something else\n${line}\n`],
    ['another version', `slipway s3-publish inventory 3 1\n${line}\n`],
    ['fewer records than announced', 'slipway s3-publish inventory 2 1\n'],
    ['more records than announced', `slipway s3-publish inventory 2 0\n${line}\n`],
    ['no line break at the end', `slipway s3-publish inventory 2 1\n${line}`],
    ['a key twice', `slipway s3-publish inventory 2 2\n${line}\n${line}\n`],
    ['a short digest', `slipway s3-publish inventory 2 1\n${line.slice(1)}\n`],
    ['a digest that is none', `slipway s3-publish inventory 2 1\n${line.replace('c', 'g')}\n`],
    ['a field more', `slipway s3-publish inventory 2 1\n${line}\tx\n`],
    ['a line without end', `slipway s3-publish inventory 2 1\n${'x'.repeat(10_000)}`],
  ])('with %s is refused', async (_, text) => {
    await expect(parseInventory(gzipSync(text))).rejects.toMatchObject({ code: 'content-invalid' });
  });

  test('that is not UTF-8 is refused', async () => {
    await expect(parseInventory(gzipSync(Buffer.from([0xff, 0xfe, 0x0a])))).rejects.toMatchObject({
      code: 'content-invalid',
    });
    await expect(parseInventory(Buffer.from('no gzip'))).rejects.toMatchObject({ code: 'content-invalid' });
  });

  test('of any text is either refused or read', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), async (text) => {
        const packed = gzipSync(`slipway s3-publish inventory 2 1\n${text}\n`);
        await parseInventory(packed).then(
          (records) => expect(records.size).toBe(1),
          (error) => expect(error).toMatchObject({ code: 'content-invalid' }),
        );
      }),
    );
  });

  test('takes little space, and reveals nothing to readers who do not know the keys', async () => {
    const records = new Map(
      Array.from({ length: 1_000 }, (_, index) => [
        keyDigest(`file-${index}.bin`),
        recordOf(`file-${index}.bin`, {
          sizeBytes: 20_480,
          etag: `"${index}"`,
          sha256: 'a'.repeat(64),
          headers,
        }),
      ]),
    );
    const packed = await formatInventory(records);
    expect(packed.length).toBeLessThan(70 * records.size);
    expect(gunzipSync(packed).toString()).not.toMatch(/file-|\t20480\t|a{16}/);
  });
});
