import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseXml, textOf } from '../../src/s3/xml.ts';

const nested = (depth: number): string => '<a>'.repeat(depth) + '</a>'.repeat(depth);

describe('a document', () => {
  test('is read with references, comments and CDATA sections', () => {
    const document = parseXml(
      '<?xml version="1.0"?>\n<a xmlns="http://x"><!-- <b>no</b> --><b>1 &lt; 2 &amp; &#x33;</b><c><d><![CDATA[<e>]]>f</d></c></a>\n',
    );
    expect(document?.name).toBe('a');
    expect(textOf(document, 'b')).toBe('1 < 2 & 3');
    expect(textOf(document, 'd')).toBe('<e>f');
    expect(textOf(document, 'e')).toBeUndefined();
    expect(textOf(undefined, 'b')).toBeUndefined();
  });

  test.each([
    ['nothing', ''],
    ['no element', 'text'],
    ['an end that is missing', '<a><b></b>'],
    ['an end of another name', '<a></b>'],
    ['two outermost elements', '<a/><a/>'],
    ['an entity that is not known', '<a>&b;</a>'],
    ['HTML', '<!DOCTYPE html><html><br></html>'],
    ['a control character', '<a>\u0001</a>'],
  ])('is invalid with %s', (_, xml) => expect(parseXml(xml)).toBeUndefined());

  test('I8: declares no internal or external entities', () => {
    const bomb = '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;&b;">]><a>&c;</a>';
    const file = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>';
    for (const xml of [bomb, file, '<!DOCTYPE a><a></a>']) expect(parseXml(xml)).toBeUndefined();
  });

  test('I8: is bounded in depth and in elements', () => {
    expect(parseXml(nested(16))).toBeDefined();
    expect(parseXml(nested(17))).toBeUndefined();
    expect(parseXml(`<a>${'<b/>'.repeat(99_999)}</a>`)).toBeDefined();
    expect(parseXml(`<a>${'<b/>'.repeat(100_000)}</a>`)).toBeUndefined();
  });

  test('I8: from any text is valid or undefined', () => {
    const pieces = fc.array(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.constantFrom(
          '<a>',
          '</a>',
          '<a',
          '&',
          '&#',
          ';',
          '<![CDATA[',
          ']]>',
          '<!--',
          '-->',
          '<?',
          '<!DOCTYPE',
          '"',
        ),
      ),
    );
    fc.assert(
      fc.property(pieces, (parts) => {
        const document = parseXml(parts.join(''));
        expect(document === undefined || document.name !== '').toBe(true);
      }),
    );
  });
});
