import { textOf, type XmlElement } from './xml.ts';

export { parseXml } from './xml.ts';

/** A page of a listing (ListObjectsV2), as S3 and compatible servers write it. Texts are still encoded as `EncodingType` says. */
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

/** The page in a document; undefined if the document is not one. */
export function parseListingPage(document: XmlElement): ListingPage | undefined {
  if (document.name !== 'ListBucketResult') return undefined;
  const objects: ListedObject[] = [];
  const facts = new Map<string, string>();
  for (const child of document.children) {
    if (child.name !== 'Contents') {
      facts.set(child.name, child.text);
      continue;
    }
    const object = objectOf(child);
    if (object === undefined) return undefined;
    objects.push(object);
  }
  return {
    objects,
    isTruncated: facts.get('IsTruncated') === 'true',
    nextToken: facts.get('NextContinuationToken'),
    isUrlEncoded: facts.get('EncodingType') === 'url',
  };
}

function objectOf(element: XmlElement): ListedObject | undefined {
  const key = textOf(element, 'Key');
  const size = textOf(element, 'Size');
  if (key === undefined || size === undefined || !/^\d{1,15}$/.test(size)) return undefined;
  const modifiedAtMs = Date.parse(textOf(element, 'LastModified') ?? '');
  return {
    key,
    sizeBytes: Number(size),
    etag: textOf(element, 'ETag'),
    modifiedAtMs: Number.isNaN(modifiedAtMs) ? undefined : modifiedAtMs,
  };
}
