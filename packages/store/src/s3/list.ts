import { assertKey, type ListOptions, type ObjectInfo, RemoteError } from '@slipway/core';
import { unexpected } from '@slipway/http';
import { notAPrefix, quoted } from '../key-errors.ts';
import type { S3Context } from './context.ts';
import { type ListingPage, parseListingPage } from './listing-page.ts';
import { withRetries } from './retries.ts';

const listDeadlineMs = 300_000;
const maxParts = 4;

/** Keys of the bucket after `after` (undefined: from the start) and up to `last` (undefined: to the end). */
interface KeyRange {
  readonly after: string | undefined;
  readonly last: string | undefined;
}

/**
 * Lists every object below a prefix, in pages of 1,000 (ListObjectsV2); never names outside it. Each page must wait for
 * the previous one; with `splits` the listing is split into ranges, four of which are read in parallel.
 */
export async function* listObjects(
  context: S3Context,
  prefix: string,
  options: ListOptions = {},
): AsyncGenerator<ObjectInfo> {
  if (prefix !== '') {
    if (!prefix.endsWith('/')) throw notAPrefix(prefix);
    assertKey(prefix.slice(0, -1));
  }
  const below = context.keys.root + prefix;
  const ranges = rangesOf(below, context.keys.root, options.splits ?? []);
  for await (const { page, range } of pagesOf(context, below, quoted(prefix), ranges)) {
    yield* objectsOf(context, page, below, range, `LIST ${quoted(prefix)}`);
  }
}

/** S3 lists in UTF-8 order, which matches JavaScript's if one of two names is ASCII. */
function rangesOf(below: string, root: string, splits: readonly string[]): readonly KeyRange[] {
  const cuts = splits
    .filter((split) => /^[ -~]*$/.test(split))
    .map((split) => root + split)
    .filter((cut) => cut.startsWith(below))
    .sort();
  return [undefined, ...cuts].map((after, index) => ({ after, last: cuts[index] }));
}

interface RangePage {
  readonly page: ListingPage;
  readonly range: KeyRange;
}

/** The pages of all ranges as they arrive. Each range reads its next page only after the last was taken. */
async function* pagesOf(
  context: S3Context,
  below: string,
  name: string,
  ranges: readonly KeyRange[],
): AsyncGenerator<RangePage> {
  const waiting = ranges.map((range) => rangePages(context, below, name, range));
  const pending = new Map<AsyncGenerator<RangePage>, Promise<IteratorResult<RangePage>>>();
  const begin = (): void => {
    const next = waiting.shift();
    if (next !== undefined) pending.set(next, next.next());
  };
  for (let started = 0; started < maxParts; started += 1) begin();
  try {
    while (pending.size > 0) {
      const turns = [...pending].map(async ([pages, turn]) => ({ pages, result: await turn }));
      const { pages, result } = await Promise.race(turns);
      if (result.done === true) {
        pending.delete(pages);
        begin();
      } else {
        pending.set(pages, pages.next());
        yield result.value;
      }
    }
  } finally {
    // Left early, or failed: nobody is left to handle how the others end.
    for (const turn of pending.values()) turn.catch(() => undefined);
  }
}

async function* rangePages(
  context: S3Context,
  below: string,
  name: string,
  range: KeyRange,
): AsyncGenerator<RangePage> {
  const what = `LIST ${name}`;
  let token: string | undefined;
  do {
    const page = await requestPage(context, below, range, token, what);
    yield { page, range };
    const lastListed = page.objects.at(-1);
    if (
      range.last !== undefined &&
      lastListed !== undefined &&
      bucketKey(page, lastListed.key, what) >= range.last
    )
      return;
    const next = page.isTruncated ? page.nextToken : undefined;
    if (page.isTruncated && (next === undefined || next === token)) {
      throw new RemoteError(
        'unexpected-response',
        `${what}: the server's listing is truncated but has no next page.`,
      );
    }
    token = next;
  } while (token !== undefined);
}

function requestPage(
  context: S3Context,
  below: string,
  { after }: KeyRange,
  token: string | undefined,
  what: string,
): Promise<ListingPage> {
  const { wire } = context;
  return withRetries(context, listDeadlineMs, async ({ signal }) => {
    const { xml } = await wire.document({
      method: 'GET',
      path: wire.bucketPath,
      query: {
        'list-type': '2',
        prefix: below,
        'encoding-type': 'url',
        ...(after === undefined ? {} : { 'start-after': after }),
        ...(token === undefined ? {} : { 'continuation-token': token }),
      },
      headers: {},
      what,
      action: 's3:ListBucket',
      root: 'ListBucketResult',
      signal,
    });
    const parsed = xml && parseListingPage(xml);
    if (parsed === undefined) throw unexpected(what, "the server's answer is not a listing");
    return parsed;
  });
}

function* objectsOf(
  { keys }: S3Context,
  page: ListingPage,
  below: string,
  range: KeyRange,
  what: string,
): Generator<ObjectInfo> {
  for (const { key: listed, sizeBytes, etag, modifiedAtMs } of page.objects) {
    const s3Key = bucketKey(page, listed, what);
    // Skips what the next range lists too, and what a server lists without being asked.
    if (range.last !== undefined && s3Key > range.last) continue;
    if (!s3Key.startsWith(below) || (range.after !== undefined && s3Key <= range.after)) continue;
    const key = keys.listed(s3Key);
    if (key !== undefined) yield { key, sizeBytes, etag, modifiedAtMs };
  }
}

function bucketKey(page: ListingPage, listed: string, what: string): string {
  return page.isUrlEncoded ? decodedKey(listed, what) : listed;
}

/** A name in a listing with `EncodingType=url`: percent-encoded UTF-8, with `+` for a space. */
export function decodedKey(text: string, what: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', '%20'));
  } catch (cause) {
    throw new RemoteError('unexpected-response', `${what}: the server lists a name that is not UTF-8.`, {
      cause,
    });
  }
}
