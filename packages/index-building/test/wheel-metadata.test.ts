import { mkdirSync, writeFileSync } from 'node:fs';
import type { ByteRange, ObjectStore } from '@slipway/core';
import { openStore } from '@slipway/store';
import { temporaryDirectory } from '@slipway/testkit';
import { Uint8ArrayReader, Uint8ArrayWriter, ZipWriter } from '@zip.js/zip.js';
import { describe, expect, it } from 'vitest';
import { readWheelMetadata } from '../src/index.ts';

const metadata = 'Metadata-Version: 2.4\nName: torch\nVersion: 2.9.0\nRequires-Python: >=3.10\n';
const key = 'whl/torch-2.9.0-cp313-cp313-linux_x86_64.whl';

interface Member {
  readonly name: string;
  readonly text: string | Uint8Array;
  readonly password?: string;
  readonly level?: number;
}

async function wheelOf(members: readonly Member[]): Promise<Buffer> {
  const zip = new ZipWriter(new Uint8ArrayWriter(), { useWebWorkers: false });
  for (const { name, text, ...options } of members) {
    const bytes = typeof text === 'string' ? Buffer.from(text) : text;
    await zip.add(name, new Uint8ArrayReader(bytes), options);
  }
  return Buffer.from(await zip.close());
}

/** Puts a wheel into a store, and returns how to read its METADATA, with the parts that were asked for. */
async function stored(wheel: Uint8Array) {
  const directory = temporaryDirectory('wheels');
  mkdirSync(`${directory}/whl`);
  writeFileSync(`${directory}/${key}`, wheel);
  const store = await openStore(`file://${directory}`);
  const etag = (await store.read(key, { maxBytes: 2 ** 30 }))?.info.etag ?? '';
  const ranges: ByteRange[] = [];
  const counting: Pick<Required<ObjectStore>, 'readRange'> = {
    async readRange(name, range) {
      ranges.push(range);
      return store.readRange?.(name, range);
    },
  };
  const read = async () =>
    Buffer.from(await readWheelMetadata(counting, { key, sizeBytes: wheel.length, etag })).toString();
  return { read, ranges, file: `${directory}/${key}` };
}

const member = { name: 'torch-2.9.0.dist-info/METADATA', text: metadata };

describe('the METADATA of a wheel in a store', () => {
  it('is read in one request if the wheel is small', async () => {
    const { read, ranges } = await stored(await wheelOf([{ name: 'torch/__init__.py', text: '' }, member]));
    expect(await read()).toBe(metadata);
    expect(ranges).toHaveLength(1);
  });

  it('is read from the end and the entry alone if the wheel is large', async () => {
    // Not compressible: as large as the libraries of a framework are.
    const noise = new Uint8Array(8_000_000).map((_, index) => (index * 2654435761) >>> 24);
    const wheel = await wheelOf([member, { name: 'torch/lib/libtorch.so', text: noise }]);
    const { read, ranges } = await stored(wheel);
    expect(await read()).toBe(metadata);
    const readBytes = ranges.reduce((total, { lengthBytes }) => total + lengthBytes, 0);
    expect(ranges).toHaveLength(2);
    expect(readBytes).toBeLessThan(140_000);
  });

  it.each<[string, readonly Member[], string]>([
    ['has none', [{ name: 'torch/METADATA', text: metadata }], 'it has no .dist-info/METADATA'],
    ['has it deeper', [{ ...member, name: `x/${member.name}` }], 'it has no .dist-info/METADATA'],
    [
      'has two',
      [member, { ...member, name: 'other-1.dist-info/METADATA' }],
      'it has more than one .dist-info/METADATA',
    ],
    ['has it encrypted', [{ ...member, password: 'x' }], 'its METADATA is encrypted'],
  ])('is refused if the wheel %s', async (_, members, problem) => {
    const { read } = await stored(await wheelOf(members));
    await expect(read()).rejects.toMatchObject({ code: 'content-invalid', message: problem });
  });

  it('I8: is refused if it unpacks to more than a METADATA can have', async () => {
    const { read } = await stored(await wheelOf([{ ...member, text: new Uint8Array(5_000_000) }]));
    await expect(read()).rejects.toMatchObject({ code: 'too-large' });
  });

  it('I8: is refused if the record says it is small and it is not', async () => {
    const wheel = await wheelOf([{ ...member, text: new Uint8Array(5_000_000) }]);
    const size = Buffer.alloc(4);
    size.writeUInt32LE(5_000_000);
    for (let at = wheel.indexOf(size); at !== -1; at = wheel.indexOf(size, at + 1))
      wheel.writeUInt32LE(10, at);
    const { read } = await stored(wheel);
    await expect(read()).rejects.toMatchObject({
      code: expect.stringMatching(/^(too-large|content-invalid)$/),
    });
  });

  it('is refused if its bytes do not match their checksum', async () => {
    const wheel = await wheelOf([{ ...member, level: 0 }]);
    wheel.write('9', wheel.indexOf('>=3.10'));
    const { read } = await stored(wheel);
    await expect(read()).rejects.toMatchObject({
      code: 'content-invalid',
      message: expect.stringContaining('it is not a sound zip'),
    });
  });

  it.each([
    ['empty', Buffer.alloc(0)],
    ['text', Buffer.from('<html>not a wheel</html>')],
    ['cut', Buffer.from('PK\u0003\u0004')],
  ])('is refused of a file that is %s', async (_, bytes) => {
    const { read } = await stored(bytes);
    await expect(read()).rejects.toMatchObject({ code: 'content-invalid' });
  });

  it('is not taken from another object than the listing showed', async () => {
    const { read, file } = await stored(await wheelOf([member]));
    writeFileSync(file, await wheelOf([{ ...member, text: 'Name: other\n' }]));
    await expect(read()).rejects.toMatchObject({ code: 'condition-failed' });
  });
});
