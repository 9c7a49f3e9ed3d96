import { describe, expect, test } from 'vitest';
import { hasUnseen, printable, printableLine } from '../src/printable.ts';

describe('I8: two colons in printed text', () => {
  test.each(['::error::x', '  ::error::x', ':::', 'x::y', 'arn::error::x', 'barn:aws:iam::x'])(
    'are broken up in %j',
    (text) => expect(printable(text)).not.toMatch(/^\s*::|x::y|arn::|iam::/),
  );

  test.each([
    'arn:aws:iam::123456789012:role/publish',
    'arn:aws-us-gov:sts::123456789012:assumed-role/a/b',
    'arn:aws:s3:::bucket/key',
    'arn:minio:iam:::role/x',
    '{"Resource": "arn:aws:s3:::bucket"}',
  ])('stay in an ARN, so that it can be copied: %j', (text) => {
    expect(printable(text)).toBe(text);
  });

  test('are broken up after an ARN', () => {
    expect(printable('arn:aws:s3:::bucket::error::x')).toBe('arn:aws:s3:::bucket:\u200b:error:\u200b:x');
  });
});

describe('I8: characters that are invisible or reverse text', () => {
  const ranges: readonly (readonly [number, number])[] = [
    [0x00, 0x1f],
    [0x7f, 0x9f],
    [0x061c, 0x061c],
    [0x200b, 0x200f],
    [0x2028, 0x202e],
    [0x2066, 0x2069],
    [0xfeff, 0xfeff],
    [0xe0000, 0xe007f],
  ];
  test.each(ranges)('are escaped, from %j to %j', (first, last) => {
    for (let code = first; code <= last; code += 1) {
      const character = String.fromCodePoint(code);
      const escaped = `a\\u{${code.toString(16)}}b`;
      expect(printable(`a${character}b`)).toBe(escaped);
      expect(printableLine(`a${character}b`)).toBe(escaped);
      expect(hasUnseen(`a${character}b`)).toBe(true);
    }
  });

  test.each([0x20, 0x7e, 0xa0, 0x061b, 0x061d, 0x200a, 0x2010, 0x2027, 0x202f, 0xfefe, 0xe0080])(
    'have neighbours that are kept: %j',
    (code) => {
      const text = `a${String.fromCodePoint(code)}b`;
      expect(printable(text)).toBe(text);
      expect(hasUnseen(text)).toBe(false);
    },
  );

  test.each(['👩\u200d💻 builds', '👩🏽\u200d🔬', 'می\u200cخواهم', 'क्\u200dष'])(
    'are none of the joiners that emoji and words are spelled with: %j',
    (text) => expect(hasUnseen(text)).toBe(false),
  );

  test.each(['1\u200d.2', 'a\u200cb', 'é\u200db', '\u200d💻', '💻\u200d', '💻\u200d\u200d💻', '💻\u200b💻'])(
    'are joiners that join nothing: %j',
    (text) => expect(hasUnseen(text)).toBe(true),
  );

  test.each([0xd800, 0xdfff])('include lone surrogates: %j', (code) => {
    expect(printable(String.fromCharCode(code))).toBe(`\\u{${code.toString(16)}}`);
  });

  test.each(['::error::x', 'a##[error]b', ':\u200b:x', ':\u200b\u200b:'])(
    'printing printable text again changes nothing: %j',
    (text) => expect(printable(printable(text))).toBe(printable(text)),
  );
});

describe('ordinary text', () => {
  test('is printed unchanged: other scripts, combining marks and surrogate pairs', () => {
    const text = 'grün שלום 日本 e\u0301 😀 \u00a0';
    expect(printable(text)).toBe(text);
    expect(printableLine(text)).toBe(text);
  });

  test('is cut at the given length', () => {
    expect(printable('x'.repeat(500))).toBe('x'.repeat(500));
    expect(printable('x'.repeat(501))).toBe(`${'x'.repeat(500)}…`);
    expect(printable('abcdef', 3)).toBe('abc…');
  });
});

describe('I8: workflow commands', () => {
  test('in the old form are broken up', () => {
    expect(printable('see ##[error]x')).toBe('see #\u200b#[error]x');
    expect(printableLine('see ##[error]x')).toBe('see #\u200b#[error]x');
  });

  test('are broken up only where a line of a program starts', () => {
    expect(printableLine('  ::error::x')).toBe('  :\u200b:error::x');
    expect(printableLine('std::vector ::x')).toBe('std::vector ::x');
    expect(printableLine('x'.repeat(2_000))).toHaveLength(2_000);
  });
});
