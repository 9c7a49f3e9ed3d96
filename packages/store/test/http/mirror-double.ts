import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { onTestFinished } from 'vitest';

/** Answers one request its own way; the next one is answered as usual. */
export type Fault = (request: IncomingMessage, response: ServerResponse, content: Buffer | undefined) => void;

/**
 * A double of a static file server or CDN, on a loopback port: serves `objects` by their decoded paths with strong ETags,
 * answers `Range` with `If-Range`, and first commits the faults it is given, one per request.
 */
export class HttpMirrorDouble {
  readonly objects = new Map<string, Buffer>();
  readonly faults: Fault[] = [];
  readonly requests: IncomingMessage[] = [];
  readonly #server = createServer((request, response) => this.#answer(request, response));
  url = '';

  static async start(): Promise<HttpMirrorDouble> {
    const double = new HttpMirrorDouble();
    await new Promise<void>((resolve) => double.#server.listen(0, '127.0.0.1', resolve));
    const address = double.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the server has no port');
    double.url = `http://127.0.0.1:${address.port}/mirror`;
    onTestFinished(() => {
      double.#server.closeAllConnections();
      double.#server.close();
    });
    return double;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.requests.push(request);
    const path = decodeURIComponent((request.url ?? '').replace(/^https?:\/\/[^/]*/, ''));
    const content = this.objects.get(path.replace(/^\/mirror\//, ''));
    const fault = this.faults.shift();
    if (fault !== undefined) fault(request, response, content);
    else serve(request, response, content);
  }
}

/** The double's answer without a fault. */
export function serve(request: IncomingMessage, response: ServerResponse, content: Buffer | undefined): void {
  if (content === undefined) {
    response.writeHead(404).end('no such object');
    return;
  }
  const etag = `"${content.length}-${content.subarray(0, 8).toString('hex')}"`;
  const from = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1];
  if (from !== undefined && request.headers['if-range'] === etag) {
    const part = content.subarray(Number(from));
    const range = `bytes ${from}-${content.length - 1}/${content.length}`;
    response.writeHead(206, { etag, 'content-length': part.length, 'content-range': range }).end(part);
    return;
  }
  response.writeHead(200, { etag, 'content-length': content.length });
  response.end(request.method === 'HEAD' ? undefined : content);
}

export const status =
  (code: number, headers: Record<string, string> = {}): Fault =>
  (_, response) =>
    void response.writeHead(code, headers).end('words of the server');

export const reset: Fault = (request) => void request.socket.resetAndDestroy();

/** Announces the whole object, sends its first `bytes`, and hangs up. */
export const cutAfter =
  (bytes: number): Fault =>
  (request, response, content = Buffer.alloc(0)) => {
    const etag = `"${content.length}-${content.subarray(0, 8).toString('hex')}"`;
    const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1];
    const part = content.subarray(Number(range ?? 0));
    response.writeHead(range === undefined ? 200 : 206, {
      etag,
      'content-length': part.length,
      ...(range === undefined
        ? {}
        : { 'content-range': `bytes ${range}-${content.length - 1}/${content.length}` }),
    });
    response.write(part.subarray(0, bytes), () => setTimeout(() => request.socket.destroy(), 20));
  };

/** Accepts the request and never answers. */
export const silence: Fault = () => {};
