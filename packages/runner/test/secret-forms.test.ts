import { Redactor } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { secretForms } from '../src/secret-forms.ts';

/** What is left of a text once every form of the secret is taken out of it. */
function redacted(secret: string, text: string): string {
  const redactor = new Redactor();
  for (const form of secretForms(secret)) redactor.add(form);
  return redactor.redact(text);
}

describe('I7: a secret is not printed', () => {
  const secret = 'pass "word"/one + two\u00fc';

  test('as it is, or with blanks around it', () => {
    expect(redacted(secret, `it is ${secret}.`)).toBe('it is ***.');
    expect(redacted(` ${secret}\n`, `it is ${secret}.`)).toBe('it is ***.');
  });

  test('as a JSON string holds it', () => {
    expect(redacted(secret, JSON.stringify({ secret }))).toBe('{"secret":"***"}');
  });

  test('as a URL holds it', () => {
    expect(redacted(secret, `https://example.org/?q=${encodeURIComponent(secret)}`)).toBe(
      'https://example.org/?q=***',
    );
  });

  test('line by line, in any of these forms', () => {
    const lines = ['first "line" of it', 'second/line of it'];
    for (const text of lines) {
      expect(redacted(lines.join('\r\n'), `a ${text} b`)).toBe('a *** b');
      expect(redacted(lines.join('\n'), `a ${JSON.stringify(text)} b`)).toBe('a "***" b');
      expect(redacted(lines.join('\n'), `a ${encodeURIComponent(text)} b`)).toBe('a *** b');
    }
  });

  test('when it is no well-formed Unicode', () => {
    expect(() => secretForms('half \ud83d of a pair')).not.toThrow();
    expect(redacted('half \ud83d of a pair', 'half \ud83d of a pair')).toBe('***');
  });

  test('and the frame of a key, which every key has, stays readable', () => {
    const frame = '-----BEGIN PGP PRIVATE KEY BLOCK-----';
    expect(
      redacted(`${frame}\nlQVYBGh0abcdef\n-----END PGP PRIVATE KEY BLOCK-----`, `${frame} lQVYBGh0abcdef`),
    ).toBe(`${frame} ***`);
  });
});
