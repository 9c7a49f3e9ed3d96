import type { Clock, ObjectStore } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { openStore } from '../../src/index.ts';
import { crc32Base64 } from '../../src/s3/parts.ts';
import type { S3Store } from '../../src/s3/store.ts';
import { bytesSource, drain, keysOf, options, put, textOf } from '../objects.ts';
import { type DoubleAnswer, refusal, type S3BucketDouble, serveBucketDouble } from './bucket-double.ts';

const partSizeBytes = 5 * 2 ** 20;
const nowMs = Date.UTC(2026, 0, 2);
const tokens = 'x-amz-meta-slipway-writes';

/** Time only advances by waiting, and waits return at once. */
function fastClock(): Clock {
  let passedMs = 0;
  return {
    nowMs: () => nowMs + passedMs,
    random: () => 0.5,
    sleep: async (ms) => {
      passedMs += ms;
    },
  };
}

async function openDouble(double: S3BucketDouble): Promise<S3Store> {
  const credentials = async () => ({ accessKeyId: 'AKIADOUBLE', secretAccessKey: 'secret' });
  const settings = {
    region: 'us-east-1',
    endpointUrl: double.endpointUrl,
    forcePathStyle: true,
    partSizeBytes,
  };
  return (await openStore('s3://double-bucket/p', {
    s3: { settings, credentials },
    clock: fastClock(),
  })) as S3Store;
}

async function setUp(): Promise<{ readonly double: S3BucketDouble; readonly store: S3Store }> {
  const double = await serveBucketDouble();
  return { double, store: await openDouble(double) };
}

/** S3 answers 200 first, and may notice later that the request fails. */
const errorInside = (code: string): DoubleAnswer => ({ ...refusal(200, code), status: 200 });

type Request = Parameters<S3BucketDouble['intercept']>[0];

/** Answers the first matching request, and lets the double answer all others. */
function once(isWanted: (request: Request) => boolean, answer: DoubleAnswer): S3BucketDouble['intercept'] {
  let isLeft = true;
  return (request) => {
    if (!isLeft || !isWanted(request)) return undefined;
    isLeft = false;
    return answer;
  };
}

const large = Buffer.alloc(partSizeBytes + 1, 'x');
const isCompletion = ({ method, url }: Request) => method === 'POST' && url.searchParams.has('uploadId');
const isDeletion = ({ url }: Request) => url.searchParams.has('delete');
const isListing = ({ url }: Request) => url.searchParams.has('list-type');

describe('an error inside a 200', () => {
  const acts: readonly (readonly [
    string,
    (request: Request) => boolean,
    (store: S3Store) => Promise<unknown>,
  ])[] = [
    ['a large object', isCompletion, (store) => put(store, 'large', large, 'absent')],
    ['deletions', isDeletion, (store) => store.deleteMany(['a', 'b'])],
    ['a listing', isListing, (store) => keysOf(store.list(''))],
  ];

  test.each(acts)('is retried, for %s', async (_, isWanted, act) => {
    const { double, store } = await setUp();
    double.intercept = once(isWanted, errorInside('InternalError'));
    await act(store);
    expect(double.requests.filter(isWanted)).toHaveLength(2);
  });

  test.each(acts)('is reported if it persists, for %s', async (_, isWanted, act) => {
    const { double, store } = await setUp();
    double.intercept = (request) => (isWanted(request) ? errorInside('InternalError') : undefined);
    await expect(act(store)).rejects.toMatchObject({ code: 'store-failed', retryable: true });
    expect(double.requests.filter(isWanted)).toHaveLength(12);
  });

  test.each(acts)(
    'is not mistaken for success if the answer is of another kind, for %s',
    async (_, isWanted, act) => {
      const { double, store } = await setUp();
      double.intercept = (request) =>
        isWanted(request) ? { status: 200, body: '<html></html>' } : undefined;
      await expect(act(store)).rejects.toMatchObject({ code: 'unexpected-response' });
    },
  );
});

/** A bucket that stores a write, and then loses its answer by a 500; the next write meets what is there by then. */
function losingAnswers(double: S3BucketDouble, isThere: (own: string) => DoubleAnswer): void {
  let own: string | undefined;
  double.intercept = ({ method, headers }) => {
    if (method === 'PUT' && own === undefined) {
      own = String(headers[tokens]);
      return refusal(500, 'InternalError');
    }
    if (method === 'PUT') return refusal(412, 'PreconditionFailed');
    return method === 'HEAD' ? isThere(own ?? '') : undefined;
  };
}

describe('I3: a write on a condition whose answer was lost by a 500', () => {
  const other = 'b'.repeat(16);
  const there = (etag: string, writes: string): DoubleAnswer => ({
    status: 200,
    headers: { etag, [tokens]: writes },
  });

  test('succeeded if its own object is there', async () => {
    const { double, store } = await setUp();
    losingAnswers(double, (own) => there('"own"', own));
    expect(await put(store, 'pointer', 'x', 'absent')).toEqual({ etag: '"own"' });
  });

  test('succeeded if another write built on it, and never returns the ETag of that write', async () => {
    const { double, store } = await setUp();
    losingAnswers(double, (own) => there('"other"', `${other} ${own}`));
    const { etag } = await put(store, 'pointer', 'x', 'absent');
    expect(etag).not.toBe('"other"');
    expect(etag).toMatch(/^"replaced-/);
  });

  test("failed if another writer's object is there", async () => {
    const { double, store } = await setUp();
    losingAnswers(double, () => there('"other"', other));
    await expect(put(store, 'pointer', 'x', 'absent')).rejects.toMatchObject({ code: 'condition-failed' });
    losingAnswers(double, () => ({ status: 200, headers: { etag: '"other"' } }));
    await expect(put(store, 'pointer', 'x', 'absent')).rejects.toMatchObject({ code: 'condition-failed' });
  });

  test('is not in doubt if nothing was lost: a refusal counts', async () => {
    const { double, store } = await setUp();
    double.intercept = ({ method, headers }) =>
      method === 'PUT' ? refusal(412, 'PreconditionFailed') : there('"own"', String(headers[tokens]));
    await expect(put(store, 'pointer', 'x', 'absent')).rejects.toMatchObject({ code: 'condition-failed' });
  });
});

test('I6: a listing contains nothing outside the prefix, even if it is in the store', async () => {
  const { double, store } = await setUp();
  double.strays.push('p/a', 'p/b', 'p/bb/x', 'p/b/../c', 'q/b/x', 'p/c/y');
  double.objects.set('p/b/x', Buffer.from('x'));
  expect(await keysOf(store.list('b/'))).toEqual(['b/../c', 'b/x']);
});

test('a truncated listing without a next page is an error, on the first page and later', async () => {
  const { double, store } = await setUp();
  const page = (key: string, next: string) =>
    `<ListBucketResult><IsTruncated>true</IsTruncated>${next}<Contents><Key>p/${key}</Key><Size>1</Size></Contents></ListBucketResult>`;
  double.intercept = () => ({ status: 200, body: page('a', '') });
  await expect(keysOf(store.list(''))).rejects.toMatchObject({ code: 'unexpected-response' });
  const more = '<NextContinuationToken>more</NextContinuationToken>';
  double.intercept = ({ url }) => ({
    status: 200,
    body: url.searchParams.has('continuation-token') ? page('b', '') : page('a', more),
  });
  await expect(keysOf(store.list(''))).rejects.toMatchObject({ code: 'unexpected-response' });
});

describe('I3: a conditional write of a large file', () => {
  const unsent = (double: S3BucketDouble) =>
    double.requests.every(({ method }) => method !== 'PUT' && method !== 'POST');

  test('sends nothing if the object was replaced', async () => {
    const { double, store } = await setUp();
    double.objects.set('p/large', Buffer.from('new'));
    await expect(put(store, 'large', large, { etag: '"old"' })).rejects.toMatchObject({
      code: 'condition-failed',
    });
    expect(unsent(double)).toBe(true);
  });

  test('sends nothing if the object is gone, or exists but must not', async () => {
    const { double, store } = await setUp();
    await expect(put(store, 'large', large, { etag: '"old"' })).rejects.toMatchObject({
      code: 'condition-failed',
    });
    double.objects.set('p/large', Buffer.from('new'));
    await expect(put(store, 'large', large, 'absent')).rejects.toMatchObject({ code: 'condition-failed' });
    expect(unsent(double)).toBe(true);
  });
});

describe('a multipart upload left by another publisher', () => {
  interface Left {
    readonly startedAtMs: number;
    readonly parts: readonly { readonly sizeBytes: number; readonly crc32: string }[];
  }

  /** Makes the double list one upload of `p/large`, with these parts. */
  function leave(double: S3BucketDouble, { startedAtMs, parts }: Left): void {
    const listed = parts.map(
      ({ sizeBytes, crc32 }, index) =>
        `<Part><PartNumber>${index + 1}</PartNumber><ETag>"left-${index + 1}"</ETag><Size>${sizeBytes}</Size><ChecksumCRC32>${crc32}</ChecksumCRC32></Part>`,
    );
    const initiated = new Date(startedAtMs).toISOString();
    double.intercept = ({ method, url }) => {
      if (method !== 'GET') return undefined;
      if (url.searchParams.has('uploads')) {
        return {
          status: 200,
          body: `<ListMultipartUploadsResult><Upload><Key>p/large</Key><UploadId>left</UploadId><Initiated>${initiated}</Initiated></Upload></ListMultipartUploadsResult>`,
        };
      }
      if (!url.searchParams.has('uploadId')) return undefined;
      return { status: 200, body: `<ListPartsResult>${listed.join('')}</ListPartsResult>` };
    };
  }

  const completed = (double: S3BucketDouble) =>
    double.requests.filter(isCompletion).map(({ url }) => url.searchParams.get('uploadId'));
  const ended = (double: S3BucketDouble) =>
    double.requests
      .filter(({ method }) => method === 'DELETE')
      .map(({ url }) => url.searchParams.get('uploadId'));
  const first = { sizeBytes: partSizeBytes, crc32: crc32Base64(large.subarray(0, partSizeBytes)) };

  test('is resumed: what is there is not sent again', async () => {
    const { double, store } = await setUp();
    leave(double, { startedAtMs: nowMs - 3_600_000, parts: [first] });
    await put(store, 'large', large);
    expect([...double.parts.keys()]).toEqual([2]);
    expect(completed(double)).toEqual(['left']);
  });

  test.each([
    ['parts of another size', { ...first, sizeBytes: partSizeBytes - 1 }],
    ['a part of other bytes', { ...first, crc32: 'AAAAAA==' }],
  ])('I2: is not resumed with %s, and is left alone, as it may be in progress', async (_, part) => {
    const { double, store } = await setUp();
    leave(double, { startedAtMs: nowMs - 3_600_000, parts: [part] });
    await put(store, 'large', large);
    expect([...double.parts.keys()].sort()).toEqual([1, 2]);
    expect(completed(double)).toEqual(['one']);
    expect(ended(double)).toEqual([]);
  });

  test('I6: is ended if it is older than a day and useless', async () => {
    const { double, store } = await setUp();
    const parts = [{ ...first, sizeBytes: 7 }];
    leave(double, { startedAtMs: nowMs - 24 * 3_600_000, parts });
    await put(store, 'large', large);
    expect(ended(double)).toEqual([]);
    leave(double, { startedAtMs: nowMs - 24 * 3_600_000 - 1, parts });
    await put(store, 'large', large);
    expect(ended(double)).toEqual(['left']);
  });

  test('I2: is never completed by a file whose bytes are not the announced ones', async () => {
    const { double, store } = await setUp();
    const wrong = { ...options('something else'), cache: 'immutable' } as const;
    await expect(store.write('large', bytesSource(large), wrong)).rejects.toMatchObject({
      code: 'content-invalid',
    });
    expect(completed(double)).toEqual([]);
    expect(ended(double)).toEqual(['one']);
  });
});

describe('I8: an endless answer', () => {
  test('is read only up to the size limit of errors', async () => {
    const { double, store } = await setUp();
    double.intercept = () => refusal(403, 'AccessDenied', 'x'.repeat(70_000));
    await expect(store.read('a', { maxBytes: 10 })).rejects.toMatchObject({ code: 'unexpected-response' });
  });
});

describe('a read object', () => {
  /** A GET that breaks off after half of the object, and the answer to the next one. */
  function breakingOff(double: S3BucketDouble, rest: DoubleAnswer): Request[] {
    const asked: Request[] = [];
    double.intercept = (request) => {
      if (request.method !== 'GET') return undefined;
      asked.push(request);
      return asked.length === 1
        ? { status: 200, headers: { etag: '"e"', 'content-length': '8' }, body: 'half', isCut: true }
        : rest;
    };
    return asked;
  }

  async function streamed(store: ObjectStore): Promise<string> {
    const stream = await store.readStream('a', { maxBytes: 100 });
    return (await drain(stream?.body ?? [])).toString();
  }

  test('is resumed where it broke off', async () => {
    const { double, store } = await setUp();
    const headers = { etag: '"e"', 'content-range': 'bytes 4-7/8' };
    const asked = breakingOff(double, { status: 206, headers, body: 'rest' });
    expect(await streamed(store)).toBe('halfrest');
    expect(asked[1]?.headers).toMatchObject({ range: 'bytes=4-', 'if-match': '"e"' });
  });

  test.each([
    ['the whole', undefined],
    ['another part', 'bytes 3-7/8'],
    ['a part of a longer object', 'bytes 4-7/9'],
  ])('is never resumed with %s in place of the rest', async (_, range) => {
    const { double, store } = await setUp();
    const headers = range === undefined ? undefined : { 'content-range': range };
    breakingOff(double, { status: 206, ...(headers && { headers }), body: 'rest' });
    await expect(streamed(store)).rejects.toMatchObject({ code: 'unexpected-response' });
  });

  test('is read again if its ETag does not match, and accepted if that happens twice', async () => {
    const { double, store } = await setUp();
    const md5OfOther = '"d41d8cd98f00b204e9800998ecf8427e"';
    const answer = (body: string): DoubleAnswer => ({ status: 200, headers: { etag: md5OfOther }, body });
    double.intercept = once(({ method }) => method === 'GET', answer('damaged'));
    double.objects.set('p/a', Buffer.from('whole'));
    expect(await textOf(store, 'a')).toBe('whole');
    double.intercept = () => answer('not an MD5');
    expect(await textOf(store, 'a')).toBe('not an MD5');
  });
});
