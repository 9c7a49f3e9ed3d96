import { keyProblem, ownDirectory } from '@slipway/core';
import type { PageFormat } from '@slipway/simple-index';
import { acceptedFormats, pageTypes } from './negotiation.ts';
import type { R2Bucket, R2Object } from './r2.ts';

/**
 * Answers GET and HEAD from a bucket with an index: pages in the format that the client prefers (PEP 691), other objects as they
 * are, with ETag and 304. Slipway's own documents are not there.
 */
export async function serveIndex(request: Request, bucket: R2Bucket): Promise<Response> {
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return plain(405, 'Only GET and HEAD are allowed.', { allow: 'GET, HEAD' });
  const { pathname } = new URL(request.url);
  let key: string;
  try {
    key = decodeURIComponent(pathname.slice(1));
  } catch {
    return plain(400, 'The path is not valid.');
  }
  const directory = key.replace(/\/$/, '');
  if (directory !== '' && keyProblem(directory) !== undefined) return plain(404, 'Not found.');
  if (directory.split('/')[0]?.toLowerCase() === ownDirectory) return plain(404, 'Not found.');
  if (key !== '' && !key.endsWith('/')) {
    const object = await bucket.head(key);
    if (object !== null) return answer(request, bucket, object, typeOf(object));
    const isDirectory = (await findPage(bucket, `${key}/`, ['html', 'json'])) !== undefined;
    return isDirectory ? plain(301, 'Moved.', { location: `${pathname}/` }) : plain(404, 'Not found.');
  }
  const found = await findPage(bucket, key, acceptedFormats(request.headers.get('accept')));
  if (found !== undefined)
    return answer(request, bucket, found.object, pageTypes[found.format], { vary: 'Accept' });
  const isThere = (await findPage(bucket, key, ['html', 'json'])) !== undefined;
  return isThere
    ? plain(406, 'This page is not available in a format that the client accepts.', { vary: 'Accept' })
    : plain(404, 'Not found.', { vary: 'Accept' });
}

/** The page of a directory in the first format that there is: an index file, or an object at the slash. */
async function findPage(
  bucket: R2Bucket,
  directory: string,
  formats: readonly PageFormat[],
): Promise<{ readonly object: R2Object; readonly format: PageFormat } | undefined> {
  for (const format of formats) {
    const object = await bucket.head(`${directory}index.${format}`);
    if (object !== null) return { object, format };
  }
  const object = directory === '' ? null : await bucket.head(directory);
  if (object === null) return undefined;
  const format = typeOf(object).includes('json') ? 'json' : 'html';
  return formats.includes(format) ? { object, format } : undefined;
}

async function answer(
  request: Request,
  bucket: R2Bucket,
  known: R2Object,
  contentType: string,
  more: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const validators = (object: R2Object): Headers => {
    const { cacheControl } = object.httpMetadata ?? {};
    return new Headers({
      ...more,
      etag: object.httpEtag,
      'last-modified': object.uploaded.toUTCString(),
      ...(cacheControl === undefined ? {} : { 'cache-control': cacheControl }),
    });
  };
  if (isKnown(request.headers.get('if-none-match'), known.httpEtag))
    return new Response(null, { status: 304, headers: validators(known) });
  const stored = request.method === 'HEAD' ? undefined : await bucket.get(known.key);
  if (stored === null) return plain(404, 'Not found.');
  const object = stored ?? known;
  const headers = validators(object);
  headers.set('content-type', contentType);
  headers.set('content-length', String(object.size));
  headers.set('x-content-type-options', 'nosniff');
  const { contentEncoding } = object.httpMetadata ?? {};
  if (contentEncoding !== undefined) headers.set('content-encoding', contentEncoding);
  // The object is compressed already: the runtime must not do it again.
  const init = { headers, encodeBody: 'manual' };
  return new Response(stored?.body ?? null, init);
}

/** Whether `If-None-Match` names an ETag, by the weak comparison of RFC 9110. */
function isKnown(ifNoneMatch: string | null, etag: string): boolean {
  const tags = (ifNoneMatch ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes('*') || tags.includes(etag);
}

function typeOf({ httpMetadata }: R2Object): string {
  return httpMetadata?.contentType ?? 'application/octet-stream';
}

function plain(status: number, text: string, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(`${text}\n`, {
    status,
    headers: { ...headers, 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' },
  });
}
