import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseMetadata } from '../src/index.ts';

const seed = 566;
const runs = 5_000;

function parse(text: string): ReturnType<typeof parseMetadata> {
  return parseMetadata(Buffer.from(text));
}

describe('METADATA', () => {
  test('has a name, a version and requirements', () => {
    const text = `Metadata-Version: 2.4
Name: Torch.Vision
version:  0.24.0+cu118\t
Summary: Name: not this
Requires-Python: >=3.10, <4
Requires-Dist: numpy
Requires-Dist: pillow!=8.3.*,
        >=5.3.0 ; extra == "a"
Description: é
   Version: 9

Name: in the description
Requires-Dist: neither
`;
    const expected = {
      metadataVersion: '2.4',
      name: 'Torch.Vision',
      project: 'torch-vision',
      version: '0.24.0+cu118',
      requiresPython: '>=3.10, <4',
      requiresDist: ['numpy', 'pillow!=8.3.*, >=5.3.0 ; extra == "a"'],
    };
    expect(parse(text)).toEqual(expected);
    expect(parse(text.replaceAll('\n', '\r\n'))).toEqual(expected);
    expect(parse(text.replaceAll('\n', '\r'))).toEqual(expected);
  });

  test('ends where it has no line end, and where a line is not a field', () => {
    expect(parse('Name: a\nVersion: 1')).toEqual({ name: 'a', project: 'a', version: '1', requiresDist: [] });
    expect(parse('Name: a\nVersion: 1\nno field\nRequires-Dist: b\n').requiresDist).toEqual([]);
    expect(parse('Name: a\nVersion: 1\n: x\nRequires-Dist: b\n').requiresDist).toEqual([]);
    expect(parse(' stray\nName: a\nVersion: 1\nRequires-Python:\n')).not.toHaveProperty('requiresPython');
  });

  test.each([
    ['', 'has no name'],
    ['Version: 1\n', 'has no name'],
    ['\nName: a\nVersion: 1\n', 'has no name'],
    ['Name: a\n', 'has no version'],
    ['Name: a\nVersion:\n', 'has no version'],
    ['Name: -a\nVersion: 1\n', 'invalid name "-a"'],
    ['Name: a\n b\nVersion: 1\n', 'invalid name "a b"'],
    ['Name: ::error::\u001b\nVersion: 1\n', 'control character in name'],
    ['Name: a\nName: a\nVersion: 1\n', 'two fields name'],
    ['Name: a\nVersion: 1\nVERSION: 2\n', 'two fields version'],
    ['Name: a\nVersion: 1\nRequires-Python: >=3\nRequires-Python: >=2\n', 'two fields requires-python'],
    ['Name: a\nVersion: 1\nRequires-Dist: a\0b\n', 'control character in requires-dist'],
  ])('I8: is not %j', (text, words) => {
    expect(() => parse(text)).toThrow(`its METADATA`);
    expect(() => parse(text)).toThrow(words);
  });

  test.each([
    [
      'a version of 10,001 characters',
      `Name: a\nVersion: ${'1'.repeat(10_001)}\n`,
      'more than 10000 characters',
    ],
    [
      'a requirement of many lines',
      `Name: a\nVersion: 1\nRequires-Dist: b${'\n x'.repeat(6_000)}\n`,
      'more than 10000 characters',
    ],
    [
      '10,001 requirements',
      `Name: a\nVersion: 1\n${'Requires-Dist: b\n'.repeat(10_001)}`,
      'more than 10000 requirements',
    ],
    ['more than 4 MiB', `Name: a\nVersion: 1\n\n${' '.repeat(2 ** 22)}`, 'larger than 4194304 bytes'],
  ])('I8: does not have %s', (_, text, words) => {
    expect(() => parse(text)).toThrow(words);
  });

  test('can have a description of megabytes', () => {
    const text = `Name: a\nVersion: 1\nDescription: ${'x\n '.repeat(2 ** 20)}`;
    expect(parse(text).version).toBe('1');
  });
});

describe(`any METADATA (seed ${seed}, ${runs} cases)`, () => {
  const value = fc
    .string({ unit: fc.constantFrom(...'aB1 >=.;é"'), maxLength: 12 })
    .map((text) => text.trim());

  test('is read as it was written, in whatever order', () => {
    fc.assert(
      fc.property(
        fc.array(value),
        value,
        fc.nat(),
        fc.constantFrom('\n', '\r\n'),
        (requiresDist, requiresPython, at, lineEnd) => {
          const lines = requiresDist.map((text) => `Requires-Dist: ${text}`);
          const others = ['Name: A_b', `Requires-Python: ${requiresPython}`, 'Version: 1.0'];
          const split = at % (lines.length + 1);
          const text = [...lines.slice(0, split), ...others, ...lines.slice(split), '', 'Name: c'].join(
            lineEnd,
          );
          const expected = { name: 'A_b', project: 'a-b', version: '1.0', requiresDist };
          expect(parse(text)).toEqual(requiresPython === '' ? expected : { ...expected, requiresPython });
        },
      ),
      { seed, numRuns: runs },
    );
  });

  test('I8: is read or refused with a reason', () => {
    const piece = fc.constantFrom(
      'Name',
      'Version',
      'Requires-Dist',
      ':',
      ' ',
      'a',
      '1',
      '\n',
      '\r',
      '\t',
      '\0',
      'é',
      'Name: a\n',
      'Version: 1\n',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        try {
          return parse(pieces.join('')).project !== '';
        } catch (error) {
          return error instanceof Error && error.name === 'UserError';
        }
      }),
      { seed, numRuns: runs },
    );
  });
});
