import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dosDateTime } from '../src/archive-time.ts';
import { archiveTimeMs, fillTemplate } from '../src/index.ts';

describe('a template', () => {
  const fields = new Map([
    ['version', '1.2'],
    ['a.b-c', '{{version}}'],
  ]);

  it('has its fields filled in, and they are not expanded again', () => {
    expect(fillTemplate('v{{version}} {{ version }}\r\n{{a.b-c}} {x} $& {{', fields)).toBe(
      'v1.2 1.2\r\n{{version}} {x} $& {{',
    );
  });

  it('names every field that is not there', () => {
    // A backtracking pattern would never finish.
    expect(fillTemplate(`{{${' '.repeat(1_000_000)}`, fields)).toHaveLength(1_000_002);
    expect(() => fillTemplate('{{a}} {{b}} {{a}} {{version}}', fields)).toThrow(
      'it has {{a}}, {{b}}, and there are no such fields',
    );
    expect(() => fillTemplate('{{constructor}}', fields)).toThrow('no such field');
  });

  it('I8: shows any value as it is', () => {
    fc.assert(
      fc.property(fc.string(), fc.string({ unit: fc.constantFrom('a', '$', '\n', ' ') }), (value, around) => {
        expect(fillTemplate(`${around}{{x}}${around}`, new Map([['x', value]]))).toBe(
          around + value + around,
        );
      }),
    );
  });
});

describe('the time of an archive', () => {
  it.each([
    [undefined, '1980-01-01T00:00:00.000Z'],
    ['', '1980-01-01T00:00:00.000Z'],
    ['0', '1980-01-01T00:00:00.000Z'],
    ['1782909015', '2026-07-01T12:30:15.000Z'],
    ['999999999999', '2107-12-31T23:59:58.000Z'],
  ])('is for SOURCE_DATE_EPOCH %j', (text, time) => {
    expect(new Date(archiveTimeMs(text)).toISOString()).toBe(time);
  });

  it.each(['yesterday', '-1', '1.5', '1e9', '9999999999999'])('is refused for %j', (text) => {
    expect(() => archiveTimeMs(text)).toThrow('SOURCE_DATE_EPOCH');
  });

  it('is the one of MS-DOS in UTC', () => {
    expect(dosDateTime(Date.UTC(1980, 0, 1))).toBe(0x0021_0000);
    expect(dosDateTime(Date.UTC(2026, 6, 1, 12, 30, 15))).toBe(0x5ce1_63c7);
    expect(dosDateTime(Date.UTC(2107, 11, 31, 23, 59, 58))).toBe(0xff9f_bf7d);
  });
});
