import {
  type AwsCredentials,
  asSlipwayError,
  assertKey,
  type Clock,
  type HeadOptions,
  isSafeEndpoint,
  type ObjectInfo,
  type ObjectStore,
  printable,
  RemoteError,
  retrying,
  type StoredObject,
  type StoredStream,
  UserError,
} from '@slipway/core';
import { parseListingPage, parseXml } from '@slipway/store/s3-listing';
import { AwsClient } from 'aws4fetch';

const maxAttempts = 4;
const backoff = { baseMs: 200, capMs: 4_000 };
const requestTimeoutMs = 60_000;
const maxListingBytes = 2 ** 24;
const metadataPrefix = 'x-amz-meta-';

export interface S3SourceOptions {
  /** `s3://bucket/prefix`. */
  readonly url: string;
  readonly endpointUrl?: string | undefined;
  readonly region: string;
  /** Undefined for a bucket that everybody may list and read. */
  readonly credentials: AwsCredentials | undefined;
  readonly clock: Clock;
  /** Called for each request. */
  readonly onRequest: () => void;
}

/** An S3 bucket that is read by `fetch`, with requests signed by SigV4. Requests that fail on the way are tried again. */
export class S3Source implements ObjectStore {
  readonly url: string;
  readonly writable = false;
  readonly listable = true;
  readonly #options: S3SourceOptions;
  readonly #base: string;
  readonly #root: string;
  readonly #client: AwsClient | undefined;

  /** Throws `UserError` `input-invalid` for what is not the address of a bucket. */
  constructor(options: S3SourceOptions) {
    const { url, endpointUrl, region, credentials } = options;
    const [, bucket, prefix = ''] =
      /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*?))?\/?$/.exec(url) ?? [];
    if (bucket === undefined || (prefix !== '' && !isKey(prefix)))
      throw new UserError(
        'input-invalid',
        `source.url must be s3://bucket or s3://bucket/prefix, not "${printable(url)}"`,
      );
    if (endpointUrl !== undefined && !isSafeEndpoint(endpointUrl))
      throw new UserError(
        'input-invalid',
        'source.endpoint-url must be an https:// URL (http:// on this machine only)',
      );
    this.url = url;
    this.#options = options;
    this.#root = prefix === '' ? '' : `${prefix}/`;
    const host = `s3.${region}.amazonaws.com`;
    if (endpointUrl !== undefined) this.#base = `${endpointUrl.replace(/\/+$/, '')}/${bucket}`;
    // The certificate of AWS is for one label before the region.
    else this.#base = bucket.includes('.') ? `https://${host}/${bucket}` : `https://${bucket}.${host}`;
    this.#client = credentials && clientOf(credentials, region);
  }

  async head(key: string, { checksum = false }: HeadOptions = {}): Promise<ObjectInfo | undefined> {
    const headers: Record<string, string> = checksum ? { 'x-amz-checksum-mode': 'ENABLED' } : {};
    return this.#object('HEAD', key, headers, async (response) => infoOf(key, response));
  }

  async read(key: string, { maxBytes }: { readonly maxBytes: number }): Promise<StoredObject | undefined> {
    return this.#object('GET', key, {}, async (response) => ({
      info: infoOf(key, response),
      body: await bodyOf(response, maxBytes, key),
    }));
  }

  async readStream(
    key: string,
    { maxBytes }: { readonly maxBytes: number },
  ): Promise<StoredStream | undefined> {
    return this.#object('GET', key, {}, async (response) => ({
      info: infoOf(key, response),
      body: bounded(response, maxBytes, key),
    }));
  }

  async *list(prefix: string): AsyncGenerator<ObjectInfo> {
    if (prefix !== '') assertKey(prefix.slice(0, -1));
    const below = this.#root + prefix;
    let token: string | undefined;
    do {
      const query = new URLSearchParams({
        'list-type': '2',
        prefix: below,
        'encoding-type': 'url',
        ...(token === undefined ? {} : { 'continuation-token': token }),
      });
      const what = `LIST "${printable(prefix)}"`;
      const page = await this.#send('GET', `${this.#base}/?${query}`, {}, what, async (response) => {
        const xml = parseXml(new TextDecoder().decode(await bodyOf(response, maxListingBytes, prefix)));
        const listing = xml && parseListingPage(xml);
        if (listing !== undefined) return listing;
        throw new RemoteError('unexpected-response', `${this.url}: ${what}: the answer is not a listing.`, {
          retryable: true,
        });
      });
      if (page === undefined)
        throw new RemoteError('bucket-missing', `${this.url}: ${what}: there is no such bucket.`);
      for (const object of page.objects) {
        const key = page.isUrlEncoded ? decodeURIComponent(object.key.replaceAll('+', '%20')) : object.key;
        if (key.startsWith(below) && isKey(key.slice(this.#root.length)))
          yield { ...object, key: key.slice(this.#root.length) };
      }
      const next = page.isTruncated ? page.nextToken : undefined;
      if (page.isTruncated && (next === undefined || next === token)) {
        throw new RemoteError('unexpected-response', `${this.url}: ${what}: the listing has no next page.`);
      }
      token = next;
    } while (token !== undefined);
  }

  async write(): Promise<never> {
    throw new UserError('target-read-only', `${this.url}: the Worker only reads its source.`, {
      hint: 'Name an R2 binding as destination, r2:BINDING.',
    });
  }

  async delete(): Promise<never> {
    return this.write();
  }

  async #object<Result>(
    method: string,
    key: string,
    headers: Readonly<Record<string, string>>,
    take: (response: Response) => Promise<Result>,
  ): Promise<Result | undefined> {
    assertKey(key.endsWith('/') ? key.slice(0, -1) : key);
    const path = (this.#root + key).split('/').map(encodedSegment).join('/');
    return this.#send(method, `${this.#base}/${path}`, headers, `${method} "${printable(key)}"`, take);
  }

  /** What `take` makes of a success; undefined for 404. */
  async #send<Result>(
    method: string,
    url: string,
    headers: Readonly<Record<string, string>>,
    what: string,
    take: (response: Response) => Promise<Result>,
  ): Promise<Result | undefined> {
    const { clock, onRequest } = this.#options;
    return retrying({ clock, backoff, maxAttempts }, async () => {
      onRequest();
      try {
        const init = { method, headers: { ...headers }, signal: AbortSignal.timeout(requestTimeoutMs) };
        const request = (await this.#client?.sign(url, init)) ?? new Request(url, init);
        const response = await fetch(request);
        if (response.ok) return await take(response);
        await response.body?.cancel();
        if (response.status === 404) return undefined;
        throw refusalOf(`${this.url}: ${what}`, response.status);
      } catch (error) {
        if (error instanceof RemoteError || error instanceof UserError) throw error;
        const { message } = asSlipwayError(error);
        throw new RemoteError('unreachable', `${this.url}: ${what}: ${printable(message, 300)}`, {
          retryable: true,
          cause: error,
        });
      }
    });
  }
}

function clientOf({ accessKeyId, secretAccessKey, sessionToken }: AwsCredentials, region: string): AwsClient {
  const session = sessionToken === undefined ? {} : { sessionToken };
  return new AwsClient({ accessKeyId, secretAccessKey, ...session, region, service: 's3', retries: 0 });
}

function refusalOf(what: string, status: number): RemoteError {
  if (status === 401 || status === 403) {
    return new RemoteError('access-denied', `${what}: access was denied (${status}).`, {
      hint: 'Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: their user needs s3:ListBucket and s3:GetObject.',
    });
  }
  if (status === 301 || status === 307) {
    return new RemoteError('region-wrong', `${what}: the bucket is in another region (${status}).`, {
      hint: 'Set source.region in the configuration.',
    });
  }
  const retryable = status >= 500 || status === 429 || status === 408;
  return new RemoteError('store-failed', `${what}: the server answered ${status}.`, { retryable });
}

function infoOf(key: string, { headers }: Response): ObjectInfo {
  const length = headers.get('content-length') ?? '';
  if (!/^\d{1,15}$/.test(length))
    throw new RemoteError('unexpected-response', `"${printable(key)}": the server does not say its size.`);
  const modifiedAtMs = Date.parse(headers.get('last-modified') ?? '');
  const checksum = headers.get('x-amz-checksum-sha256') ?? '';
  const isWhole = headers.get('x-amz-checksum-type') !== 'COMPOSITE' && /^[\w+/]{43}=$/.test(checksum);
  return {
    key,
    sizeBytes: Number(length),
    etag: headers.get('etag') ?? undefined,
    modifiedAtMs: Number.isNaN(modifiedAtMs) ? undefined : modifiedAtMs,
    headers: {
      metadata: Object.fromEntries(
        [...headers].flatMap(([name, value]) =>
          name.startsWith(metadataPrefix) ? [[name.slice(metadataPrefix.length), value]] : [],
        ),
      ),
    },
    ...(isWhole ? { serverSha256: Buffer.from(checksum, 'base64').toString('hex') } : {}),
  };
}

async function bodyOf(response: Response, maxBytes: number, key: string): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bounded(response, maxBytes, key)) chunks.push(chunk);
  return new Uint8Array(Buffer.concat(chunks));
}

async function* bounded(response: Response, maxBytes: number, key: string): AsyncGenerator<Uint8Array> {
  let sizeBytes = 0;
  for await (const chunk of response.body ?? []) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxBytes)
      throw new UserError('too-large', `"${printable(key)}" has more than ${maxBytes} bytes.`);
    yield chunk;
  }
}

/** As SigV4 encodes a path: everything but letters, digits and `-._~`. */
function encodedSegment(segment: string): string {
  return encodeURIComponent(segment).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Whether a key can be asked for; a listing may have others, which are not ours. */
function isKey(key: string): boolean {
  try {
    assertKey(key.endsWith('/') ? key.slice(0, -1) : key);
    return true;
  } catch {
    return false;
  }
}
