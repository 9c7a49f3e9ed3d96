import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Redactor } from '../src/redaction.ts';

function redactorOf(...secrets: readonly string[]): Redactor {
  const redactor = new Redactor();
  for (const secret of secrets) redactor.add(secret);
  return redactor;
}

describe('I7: a secret in a text', () => {
  test('is replaced everywhere', () => {
    expect(redactorOf('hunter2!').redact('hunter2! and "hunter2!"')).toBe('*** and "***"');
  });

  test('is replaced whole if it contains another secret, in any order', () => {
    for (const secrets of [
      ['pass', 'password-of-2026'],
      ['password-of-2026', 'pass'],
    ]) {
      expect(redactorOf(...secrets).redact('it is password-of-2026')).toBe('it is ***');
    }
  });

  test('of several lines is replaced line by line, except for the frame that all keys share', () => {
    const key =
      '-----BEGIN PGP PRIVATE KEY BLOCK-----\r\n  lQVYBGh0first \n\nsecondLine\nabc\n-----END PGP PRIVATE KEY BLOCK-----';
    const redactor = new Redactor();
    expect(redactor.add(key)).toEqual([key, 'lQVYBGh0first', 'secondLine']);
    expect(redactor.redact('line lQVYBGh0first, then secondLine: abc')).toBe('line ***, then ***: abc');
    expect(redactor.redact('-----BEGIN PGP PRIVATE KEY BLOCK-----')).toBe(
      '-----BEGIN PGP PRIVATE KEY BLOCK-----',
    );
  });

  test('of four characters is replaced; shorter ones would garble every text', () => {
    const redactor = new Redactor();
    expect(redactor.add('abcd')).toEqual(['abcd']);
    expect(redactor.add('abc')).toEqual([]);
    expect(redactor.redact('abcd abc')).toBe('*** abc');
  });

  test('is replaced without the blanks around it', () => {
    expect(redactorOf('  token-1\n').redact('token-1')).toBe('***');
  });

  test('is not treated as a pattern', () => {
    expect(redactorOf('a.*(b$&').redact('a.*(b$& axxb')).toBe('*** axxb');
  });

  test('of any form is in no redacted text', () => {
    const secret = fc.string({ minLength: 4, maxLength: 12 }).filter((text) => {
      const trimmed = text.trim();
      return trimmed.length >= 4 && !/[*]/.test(trimmed);
    });
    fc.assert(
      fc.property(fc.array(secret, { minLength: 1, maxLength: 4 }), fc.string(), (secrets, rest) => {
        const redacted = redactorOf(...secrets).redact(secrets.join(rest));
        for (const one of secrets) expect(redacted).not.toContain(one.trim());
      }),
    );
  });
});
