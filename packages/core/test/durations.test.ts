import { describe, expect, test } from 'vitest';
import { formatDuration, parseDurationMs } from '../src/measures.ts';

describe('a displayed duration', () => {
  test.each([
    ['0ms', '0 ms'],
    ['340ms', '340 ms'],
    ['2.14s', '2.1 s'],
    ['59.94s', '59.9 s'],
    ['60s', '1 min'],
    ['1m31s', '1 min 31 s'],
    ['15m', '15 min'],
    ['59m59s', '59 min 59 s'],
    ['1h', '1 h'],
    ['1h30m', '1 h 30 min'],
    ['1h0m59s', '1 h'],
    ['24h', '24 h'],
    ['1440m', '24 h'],
    ['36h', '36 h'],
    ['48h', '2 d'],
    ['30d', '30 d'],
    ['4d4h10m', '4 d 4 h'],
  ])('%s is shown as %s', (text, said) => {
    expect(formatDuration(parseDurationMs(text))).toBe(said);
  });

  test('is never rounded up to a full next unit', () => {
    expect(formatDuration(999.6)).toBe('1.0 s');
    expect(formatDuration(59_960)).toBe('1 min');
    expect(formatDuration(3_599_600)).toBe('1 h');
    expect(formatDuration(86_400_000 * 2 - 400)).toBe('2 d');
  });
});
