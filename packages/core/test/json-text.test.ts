import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonError, parseJsonText, parseStrictJson } from '../src/index.ts';

const pasteAdvice = 'Paste it differently.';

function refusalOf(text: string | Uint8Array): JsonError | undefined {
  try {
    parseJsonText(text, { maxDepth: 8, pasteAdvice });
  } catch (error) {
    if (error instanceof JsonError) return error;
    throw error;
  }
  return undefined;
}

describe('JSON that a person wrote', () => {
  it.each([
    ['{"a":"one\ntwo"}', 'the text of "a" has a line break', 'line 1, column 10', true],
    ['{"a":"one', 'the text of "a" has no closing quotation mark', 'line 1, column 6', true],
    ['{"a":"\u0007"}', 'the text of "a" has a control character', 'line 1, column 7', true],
    ['{"a":"\t"}', 'the text of "a" has a tab', 'line 1, column 7', true],
    ['{"a":"\\x"}', 'the text of "a" has a backslash', 'line 1, column 7', true],
    ['{"a":"\\u12"}', 'the text of "a" has a backslash', 'line 1, column 7', true],
    ['{"a":"say "hi""}', 'the value of "a" ends at a quotation mark', 'line 1, column 12', true],
    ['{"a":"say ""}', 'the value of "a" ends at a quotation mark', 'line 1, column 12', true],
    ['{"a":hello}', 'the value of "a" must be in double quotes', 'line 1, column 6', true],
    ['{"a":true or}', 'the value of "a" is followed by something else', 'line 1, column 11', true],
    ['{"a":nil}', 'the value of "a" is not valid in JSON', 'line 1, column 6', true],
    ['{"a":01}', 'the value of "a" is a number with a leading zero', 'line 1, column 6', true],
    ['{"a":,"b":1}', 'the value of "a" is missing', 'line 1, column 6', true],
    ['{"a":True}', 'write true, false and null in lower case', 'line 1, column 6', false],
    ["{'a':1}", 'JSON does not allow single quotes', 'line 1, column 2', false],
    ['{“a”:1}', 'JSON does not allow typographic quotes', 'line 1, column 2', false],
    ['{a:1}', 'a key must be in double quotes', 'line 1, column 2', false],
    ['{"a" 1}', 'after the key "a" the ":" is missing', 'line 1, column 6', false],
    ['{"a":1\n "b":2}', 'a "," is missing after the value of "a"', 'line 2, column 2', false],
    ['{"a":"x"\n "b":2}', 'a "," is missing after the value of "a"', 'line 2, column 2', false],
    ['{"a":1,\n}', 'remove the "," before "}"', 'line 2, column 1', false],
    ['{"a":[1,]}', 'remove the "," before "]"', 'line 1, column 9', false],
    ['{"a":[1}', 'a "]" is missing before this "}"', 'line 1, column 8', false],
    ['{"a":1,"a":2}', 'the key "a" appears twice', 'line 1, column 11', false],
    ['{"a":1}}', 'there is text after its end', 'line 1, column 8', false],
    ['{"a":1', 'it ends before its closing "}"', 'line 1, column 7', false],
    ['{"a":[{"b":', 'it ends before its closing "}", at "a[0].b"', 'line 1, column 12', false],
    ['// x\n{}', 'JSON does not allow comments', 'line 1, column 1', false],
    ['', 'it is empty', 'line 1, column 1', false],
    ['[[[[[[[[[1]]]]]]]]]', 'nested deeper than 8', 'line 1, column 10', false],
    ['{"files":[{},{"ü":"\n"}]}', 'the text of "files[1].ü" has a line break', 'line 1, column 20', true],
    ['\ufeff{}', 'byte order mark', 'line 1, column 1', false],
  ])('%j is refused with its key, line and column: %s', (text, words, place, isPaste) => {
    const error = refusalOf(text);
    expect(error?.message).toMatch(/^it is not JSON: /);
    expect(error?.message).toContain(words);
    expect(error?.message).toContain(`(${place})`);
    expect(error?.hint).toBe(isPaste ? pasteAdvice : undefined);
  });

  it('is refused if it is not UTF-8', () => {
    expect(refusalOf(Buffer.from('\ufeff{}', 'utf16le'))?.message).toContain('it is UTF-16');
    expect(refusalOf(Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x5d]))?.message).toContain(
      'the text of "[0]" has invalid UTF-8',
    );
    expect(refusalOf('{"\\ud800":1}')?.message).toContain('a key has a lone surrogate');
  });

  const pieces = fc.array(
    fc.constantFrom(...'{ } [ ] : , " \' \\ 1 - . e true nul a "a" "b":1 \n \t ü'.split(' '), ' ', '\ud800'),
    { maxLength: 30 },
  );

  it('I8: is parsed like the strict parser, or refused for the same fault in one printable line', () => {
    fc.assert(
      fc.property(fc.oneof(pieces, fc.array(fc.string({ unit: 'binary' }))), (parts) => {
        const text = parts.join('');
        let strict: unknown;
        try {
          strict = parseStrictJson(text, 8);
        } catch (error) {
          if (!(error instanceof JsonError)) throw error;
          const refusal = refusalOf(text);
          expect(refusal?.fault).toBe(error.fault);
          expect(refusal?.message).toMatch(
            /^it is not JSON: [^\u0000-\u001f\u2028]{5,300} \(line \d+, column \d+\)$/,
          );
          return;
        }
        expect(parseJsonText(text, { maxDepth: 8 })).toEqual(strict);
      }),
      { numRuns: 3_000 },
    );
  });

  it('names the key whose text has a pasted line break, wherever it is', () => {
    const value = fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), fc.string(), { minKeys: 1, maxKeys: 5 });
    fc.assert(
      fc.property(value, fc.nat(), (object, choice) => {
        const keys = Object.keys(object);
        const key = keys[choice % keys.length] ?? '';
        const text = JSON.stringify({ ...object, [key]: 'first PASTE second' }, null, 2).replace(
          'PASTE',
          '\n',
        );
        const line = text.slice(0, text.indexOf('first ')).split('\n').length;
        const message = refusalOf(text)?.message ?? '';
        expect(message).toContain(`the text of "${key}" has a line break`);
        expect(message).toContain(`(line ${line}, `);
      }),
    );
  });
});
