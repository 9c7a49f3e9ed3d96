import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ListedObject, type ListingPage, parseListingPage } from '../../src/s3/listing-page.ts';
import { parseXml } from '../../src/s3/xml.ts';

function pageIn(xml: string): ListingPage | undefined {
  const document = parseXml(xml);
  return document && parseListingPage(document);
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => {
    return character === '"'
      ? '&quot;'
      : character === "'"
        ? '&#39;'
        : `&#x${character.codePointAt(0)?.toString(16)};`;
  });
}

function pageOf(objects: readonly ListedObject[], rest: string): string {
  const contents = objects.map(({ key, sizeBytes, etag, modifiedAtMs }) => {
    const modified =
      modifiedAtMs === undefined
        ? ''
        : `<LastModified>${new Date(modifiedAtMs).toISOString()}</LastModified>`;
    const tag = etag === undefined ? '' : `<ETag>${escaped(etag)}</ETag>`;
    return `<Contents>\n<Key>${escaped(key)}</Key>${modified}${tag}<Size>${sizeBytes}</Size><StorageClass>STANDARD</StorageClass></Contents>`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix>${escaped('p<Key>/')}</Prefix>${rest}${contents.join('')}</ListBucketResult>\n`;
}

const object: fc.Arbitrary<ListedObject> = fc.record({
  key: fc.string({ unit: 'grapheme' }),
  sizeBytes: fc.nat(),
  etag: fc.option(fc.string({ unit: 'grapheme' }), { nil: undefined }),
  modifiedAtMs: fc.option(fc.nat(2_000_000_000_000), { nil: undefined }),
});

describe('a page of a listing', () => {
  test('is read as it was written', () => {
    fc.assert(
      fc.property(
        fc.array(object),
        fc.option(fc.string({ unit: 'grapheme', minLength: 1 }), { nil: undefined }),
        (objects, token) => {
          const next =
            token === undefined
              ? '<IsTruncated>false</IsTruncated>'
              : `<IsTruncated>true</IsTruncated><NextContinuationToken>${escaped(token)}</NextContinuationToken>`;
          expect(pageIn(pageOf(objects, `${next}<EncodingType>url</EncodingType>`))).toEqual({
            objects,
            isTruncated: token !== undefined,
            nextToken: token,
            isUrlEncoded: true,
          });
        },
      ),
    );
  });

  test('without objects is empty', () => {
    expect(pageIn(pageOf([], ''))).toEqual({
      objects: [],
      isTruncated: false,
      nextToken: undefined,
      isUrlEncoded: false,
    });
  });

  const whole = pageOf([{ key: 'a', sizeBytes: 1, etag: '"e"', modifiedAtMs: 0 }], '');
  test('that is cut anywhere is invalid', () => {
    const end = whole.lastIndexOf('</ListBucketResult>') + '</ListBucketResult>'.length;
    for (let length = 0; length < end; length += 1) expect(pageIn(whole.slice(0, length))).toBeUndefined();
  });

  test.each([
    ['another document', '<Error><Code>SlowDown</Code></Error>'],
    ['no key', whole.replace(/<Key>.*<\/Key>/, '')],
    ['an invalid size', whole.replace('<Size>1<', '<Size>many<')],
    [
      'a declaration of its type',
      whole.replace('<ListBucketResult', '<!DOCTYPE ListBucketResult><ListBucketResult'),
    ],
    ['text after it', `${whole}x`],
  ])('with %s is invalid', (_, xml) => {
    expect(pageIn(xml)).toBeUndefined();
  });

  test('may contain comments and CDATA sections', () => {
    const odd = whole.replace('<Name>', '<!-- <Contents> --><Name>').replace('<Key>a', '<Key><![CDATA[a]]>');
    expect(pageIn(odd)).toEqual(pageIn(whole));
  });

  test('from any text is valid or undefined', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const page = pageIn(`<ListBucketResult>${text}</ListBucketResult>`);
        expect(page?.objects ?? []).toBeInstanceOf(Array);
      }),
    );
  });
});
