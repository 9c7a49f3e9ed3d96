import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http';

export interface LoopbackServer {
  /** `http://127.0.0.1:PORT`, without a trailing slash. */
  readonly url: string;
  close(): void;
}

/** Serves `listener` on a free port of 127.0.0.1. What it throws is answered as 500. */
export async function serveLoopback(
  listener: (...request: Parameters<RequestListener>) => Promise<void>,
): Promise<LoopbackServer> {
  const server = createServer((request, response) => {
    listener(request, response).catch((error: unknown) => {
      if (!response.headersSent) response.writeHead(500);
      response.end(String(error));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** The whole body of a request. */
export async function requestBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Forwards a request to `target` unchanged, including `Host`, so that signatures stay valid. Returns the body of the answer. */
export function forwardRequest(
  target: string,
  { method, url, headers }: IncomingMessage,
  body: Buffer,
  response: ServerResponse,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { method, headers, setHost: false };
    const forwarded = httpRequest(new URL(url ?? '/', target), options, (answer) => {
      requestBody(answer).then((bytes) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers).end(bytes);
        resolve(bytes.toString('utf8'));
      }, reject);
    });
    forwarded.on('error', reject).end(body);
  });
}
