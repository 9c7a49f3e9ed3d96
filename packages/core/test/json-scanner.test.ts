import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonError, JsonScanner, parseStrictJson } from '../src/index.ts';

const faultOf = (text: string | Uint8Array): string => {
  try {
    parseStrictJson(text, 16);
  } catch (error) {
    if (error instanceof JsonError) return error.fault;
    throw error;
  }
  return 'none';
};

describe('parseStrictJson', () => {
  it('agrees with JSON.parse on every valid document without repeated keys', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 8 }), fc.constantFrom(0, 1, 2), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        fc.pre(JSON.stringify(value).isWellFormed() && !/\\ud[89a-f]/i.test(text));
        expect(parseStrictJson(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it('accepts nothing that JSON.parse refuses, and throws only JsonError', () => {
    const alphabet = fc.constantFrom(...'{}[]":,\\u0123456789abcdeftrunls.-+E \n'.split(''));
    fc.assert(
      fc.property(fc.array(alphabet, { maxLength: 40 }), (characters) => {
        const text = characters.join('');
        if (faultOf(text) === 'none') expect(() => JSON.parse(text)).not.toThrow();
      }),
      { numRuns: 3000 },
    );
  });

  it.each([
    ['{"a":1,"a":2}', 'json-duplicate-key'],
    ['{"a":1,"\\u0061":2}', 'json-duplicate-key'],
    ['[{"b":{"x":1,"y":2,"x":3}}]', 'json-duplicate-key'],
    [
      `{${Array.from({ length: 100 }, (_, index) => `"k${index}":1`).join(',')},"k7":2}`,
      'json-duplicate-key',
    ],
    [`${'['.repeat(17)}${']'.repeat(17)}`, 'json-too-deep'],
    [`${'{"a":'.repeat(17)}1${'}'.repeat(17)}`, 'json-too-deep'],
    ['{"a":1}x', 'json-malformed'],
    ['{"a":01}', 'json-malformed'],
    ['{"a":1,}', 'json-malformed'],
    ['["\\ud800"]', 'json-malformed'],
    ['["\\x"]', 'json-malformed'],
    ['["a\nb"]', 'json-malformed'],
    ['', 'json-malformed'],
    ['nul', 'json-malformed'],
  ])('refuses %s', (text, fault) => {
    expect(faultOf(text)).toBe(fault);
  });

  it('finds exactly the keys that appear twice in one object, however they are spelled', () => {
    const keys = fc.array(fc.constantFrom('a', 'b', 'ab', 'ba', 'aXb', 'aYb', 'abcd', 'acbd', ''), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(keys, fc.array(fc.boolean(), { minLength: 30, maxLength: 30 }), (names, escaped) => {
        const spell = (name: string, index: number): string =>
          escaped[index] ? name.replace('a', '\\u0061') : name;
        const text = `[{"x":{${names.map((name, index) => `"${spell(name, index)}":{"a":1}`).join(',')}}}]`;
        const isRepeated = new Set(names).size < names.length;
        expect(faultOf(text)).toBe(isRepeated ? 'json-duplicate-key' : 'none');
      }),
    );
  });

  it('refuses invalid UTF-8 rather than replacing it', () => {
    expect(faultOf(Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x5d]))).toBe('json-malformed');
    expect(faultOf(Buffer.from('["\ufffd"]'))).toBe('none');
  });

  it('does not overflow the stack on a megabyte of brackets', () => {
    expect(faultOf('['.repeat(1_000_000))).toBe('json-too-deep');
  });

  it('returns the byte range of a value, so that it can be copied unchanged', () => {
    const text = Buffer.from('{ "a" : {"n": 1.0, "s":"\\u00e9"} , "b": 2}');
    const ranges: string[] = [];
    const scanner = new JsonScanner(text, { maxDepth: 4 });
    scanner.object(() => {
      const { start, end } = scanner.skipValue();
      ranges.push(text.toString('utf8', start, end));
    });
    expect(ranges).toEqual(['{"n": 1.0, "s":"\\u00e9"}', '2']);
  });
});
