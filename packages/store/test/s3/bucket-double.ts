import { hash } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import { crc32 } from 'node:zlib';
import { onTestFinished } from 'vitest';

/** An answer in place of the double's own. */
export interface DoubleAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** The connection ends after the body, whatever length was announced. */
  readonly isCut?: boolean;
}

interface DoubleRequest {
  readonly method: string;
  readonly url: URL;
  /** Decoded. */
  readonly key: string;
  readonly headers: IncomingMessage['headers'];
}

/**
 * A double of an AWS bucket, for where MinIO differs: names with empty segments or dots, listings with unrequested names,
 * errors inside successes. It checks no signatures, keeps no bytes of parts, and every condition holds.
 */
export interface S3BucketDouble {
  readonly endpointUrl: string;
  readonly requests: readonly DoubleRequest[];
  readonly objects: Map<string, Buffer>;
  /** Names that every listing contains, whatever the prefix. */
  readonly strays: string[];
  /** Sizes of the parts received, by number. */
  readonly parts: Map<number, number>;
  /** Error codes that DeleteObjects returns for keys instead of removing them. */
  readonly undeletable: Map<string, string>;
  /** Answers in place of the double, unless it returns undefined. */
  intercept: (request: DoubleRequest) => DoubleAnswer | undefined;
}

const bucket = 'double-bucket';

export async function serveBucketDouble(): Promise<S3BucketDouble> {
  const requests: DoubleRequest[] = [];
  const objects = new Map<string, Buffer>();
  const strays: string[] = [];
  const parts = new Map<number, number>();
  const undeletable = new Map<string, string>();
  const server = createServer(async (incoming, answer) => {
    const url = new URL(`http://double${incoming.url?.replace(/^[^?]*/, '') ?? ''}`);
    const path = (incoming.url ?? '/').replace(/\?.*$/s, '');
    const key = decodeURIComponent(path.slice(`/${bucket}/`.length));
    const request = { method: incoming.method ?? '', url, key, headers: incoming.headers };
    requests.push(request);
    const reply = ({ status, headers = {}, body = '', isCut = false }: DoubleAnswer) => {
      answer.writeHead(status, { 'content-length': Buffer.byteLength(body), ...headers });
      if (isCut) return void answer.write(body, () => answer.destroy());
      answer.end(incoming.method === 'HEAD' ? undefined : body);
    };
    const xml = (body: string) =>
      reply({ status: 200, body: `<?xml version="1.0" encoding="UTF-8"?>${body}` });
    const partNumber = url.searchParams.get('partNumber');
    if (partNumber !== null) {
      const { size, checksum } = await measured(incoming);
      const isRight = (incoming.headers['x-amz-checksum-crc32'] ?? checksum) === checksum;
      const own = double.intercept(request);
      if (own !== undefined) return reply(own);
      if (isRight) parts.set(Number(partNumber), size);
      return reply(
        isRight ? { status: 200, headers: { etag: `"${partNumber}"` } } : refusal(400, 'BadDigest'),
      );
    }
    const body = await whole(incoming);
    const own = double.intercept(request);
    if (own !== undefined) return reply(own);
    if (url.searchParams.has('list-type')) return xml(listing(objects, strays, url.searchParams));
    if (url.searchParams.has('delete')) return xml(deletion(objects, undeletable, body.toString()));
    if (url.searchParams.has('uploads')) {
      return xml(
        request.method === 'POST'
          ? '<InitiateMultipartUploadResult><UploadId>one</UploadId></InitiateMultipartUploadResult>'
          : '<ListMultipartUploadsResult></ListMultipartUploadsResult>',
      );
    }
    if (url.searchParams.has('uploadId')) {
      return xml('<CompleteMultipartUploadResult><ETag>"whole-2"</ETag></CompleteMultipartUploadResult>');
    }
    if (request.method === 'PUT') {
      objects.set(key, body);
      return reply({ status: 200, headers: { etag: `"${hash('md5', body)}"` } });
    }
    if (request.method === 'DELETE') {
      objects.delete(key);
      return reply({ status: 204 });
    }
    const object = objects.get(key);
    if (object === undefined) return reply(refusal(404, 'NoSuchKey'));
    answer.writeHead(200, { etag: `"${hash('md5', object)}"`, 'content-length': object.length });
    answer.end(request.method === 'HEAD' ? undefined : object);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the double has no port');
  const double: S3BucketDouble = {
    endpointUrl: `http://127.0.0.1:${address.port}`,
    requests,
    objects,
    strays,
    parts,
    undeletable,
    intercept: () => undefined,
  };
  return double;
}

export function refusal(status: number, code: string, message = 'By the double.', more = ''): DoubleAnswer {
  const body = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message>${more}</Error>`;
  return { status, body };
}

async function whole(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function measured(incoming: IncomingMessage): Promise<{ size: number; checksum: string }> {
  let size = 0;
  let sum = 0;
  for await (const chunk of incoming as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    sum = crc32(chunk, sum);
  }
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(sum);
  return { size, checksum: bytes.toString('base64') };
}

/** Pages of 1,000 names, as AWS writes them with `encoding-type=url`. */
function listing(
  objects: ReadonlyMap<string, Buffer>,
  strays: readonly string[],
  query: URLSearchParams,
): string {
  const start = Number(query.get('continuation-token') ?? 0);
  const prefix = query.get('prefix') ?? '';
  const after = Buffer.from(query.get('start-after') ?? '');
  const names = [...objects.keys()]
    .filter((key) => key.startsWith(prefix) && Buffer.compare(Buffer.from(key), after) > 0)
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const page = [...strays, ...names].slice(start, start + 1000);
  const contents = page.map((key) => {
    const encoded = encodeURIComponent(key).replaceAll('%20', '+').replaceAll('%2F', '/');
    return `<Contents><Key>${encoded}</Key><Size>${objects.get(key)?.length ?? 0}</Size><ETag>"x"</ETag></Contents>`;
  });
  const isTruncated = start + page.length < strays.length + names.length;
  const next = isTruncated ? `<NextContinuationToken>${start + page.length}</NextContinuationToken>` : '';
  return `<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>${isTruncated}</IsTruncated>${next}${contents.join('')}</ListBucketResult>`;
}

function deletion(
  objects: Map<string, Buffer>,
  undeletable: ReadonlyMap<string, string>,
  body: string,
): string {
  const errors: string[] = [];
  for (const [, escaped = ''] of body.matchAll(/<Key>([^<]*)<\/Key>/g)) {
    const key = escaped
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&quot;', '"')
      .replaceAll('&apos;', "'")
      .replaceAll('&amp;', '&');
    const code = undeletable.get(key);
    if (code === undefined) objects.delete(key);
    else errors.push(`<Error><Key>${escaped}</Key><Code>${code}</Code><Message>no</Message></Error>`);
  }
  return `<DeleteResult>${errors.join('')}</DeleteResult>`;
}
