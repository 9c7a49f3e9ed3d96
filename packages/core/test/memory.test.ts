import { describe, expect, test } from 'vitest';
import { releaseBytes } from '../src/memory.ts';

describe('released memory', () => {
  test('is freed at once if only one buffer uses it', () => {
    const bytes = Buffer.alloc(Buffer.poolSize + 1);
    releaseBytes(bytes);
    expect(bytes.length).toBe(0);
    expect(bytes.buffer.byteLength).toBe(0);
  });

  test('is left alone if small buffers share it', () => {
    const first = Buffer.from('the first');
    const second = Buffer.from('the second');
    const pool = Buffer.from(new ArrayBuffer(Buffer.poolSize), 0, 10).fill('x');
    for (const bytes of [first, pool]) releaseBytes(bytes);
    expect([first.toString(), second.toString(), pool.toString()]).toEqual([
      'the first',
      'the second',
      'x'.repeat(10),
    ]);
  });

  test('is left alone if threads share it', () => {
    const shared = Buffer.from(new SharedArrayBuffer(1_000_000));
    releaseBytes(shared);
    expect(shared.length).toBe(1_000_000);
  });
});
