import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { inflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deflatePiece } from '../src/deflate.ts';
import { readAhead } from '../src/read-ahead.ts';

describe('pieces that were compressed separately', () => {
  it('are one deflate stream together, whatever they hold', async () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.constantFrom(0, 65).map((byte) => new Uint8Array(70_000).fill(byte)),
      fc.constant(Uint8Array.from(randomBytes(40_000))),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(piece, { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 9 }),
        async (pieces, level) => {
          const deflated = await Promise.all(
            pieces.map((bytes, index) =>
              deflatePiece(bytes, { level, before: pieces[index - 1], isLast: index === pieces.length - 1 }),
            ),
          );
          expect(inflateRawSync(Buffer.concat(deflated)).equals(Buffer.concat(pieces))).toBe(true);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('refer to the piece before them, so that a repetition costs next to nothing', async () => {
    const before = randomBytes(30_000);
    const alone = await deflatePiece(before, { level: 6, before: undefined, isLast: true });
    const after = await deflatePiece(before, { level: 6, before, isLast: true });
    expect(after.length).toBeLessThan(alone.length / 50);
  });
});

describe('items that are requested ahead', () => {
  it('come in order, with a limited number in progress', async () => {
    let started = 0;
    let taken = 0;
    let most = 0;
    async function* source(): AsyncGenerator<number, void> {
      for (let item = 0; item < 50; item += 1) {
        started += 1;
        most = Math.max(most, started - taken);
        yield item;
      }
    }
    const items: number[] = [];
    for await (const item of readAhead(source(), 4)) {
      taken += 1;
      items.push(item);
      await setTimeout(0);
    }
    expect(items).toEqual(Array.from({ length: 50 }, (_, index) => index));
    expect(most).toBeLessThanOrEqual(5);
    expect(most).toBeGreaterThan(2);
  });

  it('end with the error of their source, and let it finish when the reader stops', async () => {
    let closed = false;
    async function* failing(): AsyncGenerator<number, void> {
      try {
        yield 1;
        throw new Error('broken');
      } finally {
        closed = true;
      }
    }
    const read = async (count: number): Promise<void> => {
      let left = count;
      for await (const item of readAhead(failing(), 3)) {
        left -= item;
        if (left === 0) return;
      }
    };
    await expect(read(5)).rejects.toThrow('broken');
    closed = false;
    await expect(read(1)).resolves.toBeUndefined();
    expect(closed).toBe(true);
  });
});
