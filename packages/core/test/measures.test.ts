import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UserError } from '../src/errors.ts';
import { counted, formatBytes, parseDurationMs, parseSizeBytes } from '../src/measures.ts';

describe('a size', () => {
  test.each([
    ['0', 0],
    ['1024', 1024],
    [' 12 B ', 12],
    ['1kB', 1_000],
    ['1 KiB', 1_024],
    ['1MB', 1_000_000],
    ['5MiB', 5_242_880],
    ['1GB', 1_000_000_000],
    ['2gib', 2_147_483_648],
    ['1TB', 1_000_000_000_000],
    ['1TiB', 1_099_511_627_776],
    ['1.5KiB', 1_536],
    ['1.0005kB', 1_001],
    ['0.3B', 0],
  ])('%s is read as %i bytes', (text, bytes) => {
    expect(parseSizeBytes(text)).toBe(bytes);
  });

  test.each(['', 'MiB', '-1', '1e3', '1 2', '1.MiB', '.5MiB', '1PiB', '1 constructor', '99999999 TiB'])(
    '%j is refused',
    (text) => {
      expect(() => parseSizeBytes(text)).toThrow(
        expect.objectContaining({ code: 'input-invalid', message: expect.stringContaining(`"${text}"`) }),
      );
    },
  );

  test('from any text is a whole number of bytes or refused', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          expect(Number.isSafeInteger(parseSizeBytes(text))).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
        }
      }),
    );
  });

  test.each([
    [0, '0 B'],
    [1_023, '1023 B'],
    [1_024, '1.00 KiB'],
    [1_536, '1.50 KiB'],
    [10_240, '10.0 KiB'],
    [5 * 2 ** 20, '5.00 MiB'],
    [2 ** 50, '1.00 PiB'],
    [2 ** 60, '1024.0 PiB'],
  ])('%i bytes are shown as %s', (bytes, shown) => {
    expect(formatBytes(bytes)).toBe(shown);
  });
});

describe('a duration', () => {
  test.each([
    ['250ms', 250],
    ['90s', 90_000],
    ['15m', 900_000],
    ['1h30m', 5_400_000],
    ['7d', 604_800_000],
    ['1.5h', 5_400_000],
    [' 2M ', 120_000],
    ['1d2h3m4s5ms', 93_784_005],
  ])('%s is read as %i ms', (text, ms) => {
    expect(parseDurationMs(text)).toBe(ms);
  });

  test.each(['', '5', 's', '1 h', '-1s', '1w', '1h 30m', '1.s', '1,5h'])('%j is refused', (text) => {
    expect(() => parseDurationMs(text)).toThrow(expect.objectContaining({ code: 'input-invalid' }));
  });
});

test('a count has the right form of its noun', () => {
  expect(counted(0, 'file')).toBe('0 files');
  expect(counted(1, 'file')).toBe('1 file');
  expect(counted(12_345, 'entry', 'entries')).toBe('12,345 entries');
});
