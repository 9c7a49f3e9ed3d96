import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import net from 'node:net';
import { join } from 'node:path';
import { RemoteError, UserError } from '@slipway/core';
import { serveLoopback, temporaryDirectory } from '@slipway/testkit';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  addressOf,
  fetchFrom,
  HttpClient,
  HttpFailure,
  type HttpRequest,
  isTransientStatus,
  type RedirectPolicy,
  readBody,
  retryAfterMs,
  sdkRequestHandler,
  transferDeadlineMs,
} from '../src/index.ts';

const request: HttpRequest = {
  secure: false,
  hostname: '127.0.0.1',
  port: 1,
  path: '/',
  method: 'PUT',
  headers: {},
  what: 'PUT "key"',
};

function open(options: Partial<ConstructorParameters<typeof HttpClient>[0]> = {}): HttpClient {
  const client = new HttpClient({ idleMs: 30_000, ...options });
  onTestFinished(() => client.close());
  return client;
}

async function serve(answer: RequestListener): Promise<string> {
  const server = await serveLoopback(async (...given) => void answer(...given));
  onTestFinished(() => server.close());
  return server.url;
}

async function listen(server: net.Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return (server.address() as net.AddressInfo).port;
}

async function failureOf(sent: Promise<unknown>): Promise<HttpFailure> {
  const error = await sent.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof HttpFailure) return error;
  throw new Error(`it was ${String(error)}`);
}

describe('a request', () => {
  test("with a server's ETag that no header can carry is refused, not reported as a bug", async () => {
    const sent = open().send({ ...request, headers: { 'if-match': '"a\nb"' } });
    await expect(sent).rejects.toThrow(RemoteError);
    await expect(sent).rejects.toThrow(
      'PUT "key": a value from the server cannot be sent back to it (Invalid character in header content ["if-match"])',
    );
  });

  test('I7: through a proxy URL with a line break names the variable, not the password', async () => {
    const sent = open({ proxyEnvironment: { http_proxy: 'http://user:hunter2@127.0.0.1:1/\nx' } }).send(
      request,
    );
    await expect(sent).rejects.toThrow(UserError);
    await expect(sent).rejects.toThrow(/^the variable http_proxy cannot be used(?!.*hunter2)/);
  });

  test('is sent unchanged, and reveals nothing about this machine', async () => {
    let seen: Parameters<RequestListener>[0] | undefined;
    const url = await serve((incoming, response) => {
      seen = incoming;
      response.end();
    });
    await open().send({ ...request, ...addressOf(new URL(url)), path: '/a//b/../%7Ec?x=%20', method: 'GET' });
    expect(seen?.url).toBe('/a//b/../%7Ec?x=%20');
    expect(seen?.headers).toMatchObject({ 'accept-encoding': 'identity', 'user-agent': /^slipway\/[\d.]+$/ });
  });
});

describe('a failure says whether the request can have arrived', () => {
  test('not if nothing listens, or the host does not exist', async () => {
    const refused = await failureOf(open().send(request));
    expect(refused).toMatchObject({ kind: 'unsent', code: 'unreachable', retryable: true });
    expect(refused.message).toBe('PUT "key": nothing listens at 127.0.0.1:1 (ECONNREFUSED).');
    expect(refused.reason).toBe('nothing listens at 127.0.0.1:1 (ECONNREFUSED)');
  });

  test('not if the certificate is rejected', async () => {
    const directory = temporaryDirectory();
    const [key, cert] = [join(directory, 'key'), join(directory, 'cert')];
    const output = ['-keyout', key, '-out', cert, '-subj', '/CN=localhost'];
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...output], {
      stdio: 'ignore',
    });
    let arrived = 0;
    const server = createSecureServer({ key: readFileSync(key), cert: readFileSync(cert) }, (_, response) => {
      arrived += 1;
      response.end();
    });
    const port = await listen(server);
    const failure = await failureOf(open().send({ ...request, secure: true, port }));
    expect(failure).toMatchObject({ kind: 'insecure', code: 'unreachable', retryable: false });
    expect(arrived).toBe(0);
  });

  test('maybe if the connection breaks, or no answer comes', async () => {
    const port = await listen(net.createServer((socket) => socket.once('data', () => socket.destroy())));
    expect(await failureOf(open().send({ ...request, port }))).toMatchObject({
      kind: 'lost',
      retryable: true,
    });
    const silent = await listen(net.createServer(() => {}));
    const idle = await failureOf(open({ idleMs: 50 }).send({ ...request, port: silent }));
    expect(idle).toMatchObject({ kind: 'lost', code: 'timed-out', retryable: true });
    expect(idle.reason).toBe('127.0.0.1 was silent for 0.05 s');
    const signal = AbortSignal.timeout(50);
    const over = await failureOf(open().send({ ...request, port: silent, signal }));
    expect(over).toMatchObject({
      kind: 'lost',
      code: 'timed-out',
      reason: '127.0.0.1 did not answer in time',
    });
  });

  test('and whether an answer is not HTTP, or has endless headers', async () => {
    const babble = await listen(net.createServer((socket) => socket.end('SSH-2.0-babble\r\n')));
    const odd = await failureOf(open().send({ ...request, port: babble }));
    expect(odd).toMatchObject({ kind: 'unreadable', code: 'unexpected-response', retryable: false });
    const long = await serve((_, response) => void response.writeHead(200, { a: 'b'.repeat(40_000) }).end());
    const tooLong = await failureOf(open().send({ ...request, ...addressOf(new URL(long)) }));
    expect(tooLong).toMatchObject({ kind: 'unreadable', reason: /headers .* too large/ });
  });

  test('I8: in words that are safe to print', async () => {
    const failure = await failureOf(open().send({ ...request, hostname: '::error::x.invalid' }));
    expect(failure.reason).not.toContain('::error::');
  });
});

describe('redirects', () => {
  /** A server that redirects from `/from`, and records the headers of other requests. */
  async function target() {
    const asked: { url: string; headers: Record<string, unknown> }[] = [];
    let location = '';
    const url = await serve((incoming, response) => {
      asked.push({ url: incoming.url ?? '', headers: incoming.headers });
      if (incoming.url === '/from') response.writeHead(302, { location }).end();
      else response.end('here');
    });
    const lead = (to: string): void => {
      location = to;
    };
    return { url, asked, lead };
  }
  const secret = { authorization: 'Bearer hunter2', cookie: 'hunter2', range: 'bytes=1-' };
  const get = async (url: string, redirects: RedirectPolicy) => {
    const what = 'GET';
    const response = await fetchFrom(open(), { url: `${url}/from`, redirects, what, headers: secret });
    return Buffer.from(await readBody(response, { what, maxBytes: 10 })).toString();
  };

  test.each(['https', 'same-origin'] as const)(
    'on the same host are followed with all headers (%s)',
    async (policy) => {
      const server = await target();
      server.lead('/to');
      expect(await get(server.url, policy)).toBe('here');
      expect(server.asked[1]).toMatchObject({ url: '/to', headers: secret });
    },
  );

  test('I7: another host gets no header that could be secret', async () => {
    const [first, second] = [await target(), await target()];
    first.lead(`${second.url}/to`);
    expect(await get(first.url, 'https')).toBe('here');
    expect(second.asked[0]?.headers).toMatchObject({ range: 'bytes=1-' });
    expect(JSON.stringify(second.asked)).not.toContain('hunter2');
  });

  test('are not followed to another port, or at all, depending on the policy', async () => {
    const [first, second] = [await target(), await target()];
    first.lead(`${second.url}/to`);
    expect(await failureOf(get(first.url, 'same-origin'))).toMatchObject({
      kind: 'redirect',
      retryable: false,
    });
    first.lead('/to');
    const none = await failureOf(get(first.url, 'none'));
    expect(none.reason).toBe('it redirects (302), which is not followed');
    expect(second.asked).toEqual([]);
  });

  test('end after five', async () => {
    const server = await target();
    server.lead('/from');
    expect((await failureOf(get(server.url, 'https'))).reason).toBe('it redirects more than 5 times');
    expect(server.asked).toHaveLength(6);
  });

  test.each([
    'http://example.org/x',
    'file:///etc/passwd',
    'https://u:hunter2@example.org/',
    'http://[bad',
    '',
  ])('are not followed to %j', async (to) => {
    const server = await target();
    server.lead(to);
    const failure = await failureOf(get(server.url, 'https'));
    expect(failure.kind).toBe('redirect');
    expect(failure.message).not.toContain('hunter2');
  });
});

describe('a body', () => {
  const read = async (answer: RequestListener, maxBytes: number, signal?: AbortSignal) => {
    const url = await serve(answer);
    const response = await open().send({ ...request, ...addressOf(new URL(url)), signal });
    return readBody(response, { what: 'GET', maxBytes, signal });
  };

  test('is read up to its limit, whether or not its length is announced', async () => {
    const announced: RequestListener = (_, response) => void response.end('12345');
    const chunked: RequestListener = (_, response) => void response.write('12', () => response.end('345'));
    for (const answer of [announced, chunked]) {
      expect(Buffer.from(await read(answer, 5)).toString()).toBe('12345');
      expect(await failureOf(read(answer, 4))).toMatchObject({ reason: 'the answer has more than 4 bytes' });
    }
  });

  test('that breaks off, or does not end in time, fails', async () => {
    const cut: RequestListener = (incoming, response) => {
      response.writeHead(200, { 'content-length': 10 }).write('12345', () => incoming.socket.destroy());
    };
    expect(await failureOf(read(cut, 10))).toMatchObject({ kind: 'lost', retryable: true });
    const drip: RequestListener = (_, response) => {
      const timer = setInterval(() => response.write('x'), 10);
      response.on('close', () => clearInterval(timer));
    };
    expect(await failureOf(read(drip, 1e6, AbortSignal.timeout(100)))).toMatchObject({ code: 'timed-out' });
  });
});

describe('a handler for the AWS SDK', () => {
  const sdkRequest = {
    method: 'POST',
    protocol: 'http:',
    path: '/a',
    query: { b: 'c d', a: '' },
    headers: { 'Content-Type': 'text/plain', 'User-Agent': 'aws-sdk-js os/linux' },
    body: 'body',
  };

  test('sends what the SDK wrote, without its user agent', async () => {
    let seen: Parameters<RequestListener>[0] | undefined;
    const url = new URL(
      await serve((incoming, response) => {
        seen = incoming;
        incoming.resume().on('end', () => void response.writeHead(418, { 'x-a': '1' }).end('no'));
      }),
    );
    const handler = sdkRequestHandler(open(), { what: 'STS', timeoutMs: 30_000 });
    const { response } = await handler.handle({
      ...sdkRequest,
      hostname: url.hostname,
      port: Number(url.port),
    });
    expect(seen?.url).toBe('/a?b=c%20d&a=');
    expect(seen?.headers['user-agent']).toMatch(/^slipway/);
    expect(response).toMatchObject({ statusCode: 418, headers: { 'x-a': '1' } });
    expect(Buffer.from(response.body).toString()).toBe('no');
  });

  test('gives up in time, and when the SDK does', async () => {
    const port = await listen(net.createServer(() => {}));
    const where = { ...sdkRequest, hostname: '127.0.0.1', port };
    const hurried = sdkRequestHandler(open(), { what: 'STS', timeoutMs: 50 });
    expect((await failureOf(hurried.handle(where))).message).toBe('STS: 127.0.0.1 did not answer in time.');
    const patient = sdkRequestHandler(open(), { what: 'STS', timeoutMs: 30_000 });
    expect(await failureOf(patient.handle(where, { abortSignal: AbortSignal.timeout(50) }))).toMatchObject({
      code: 'timed-out',
    });
  });
});

test.each([
  [undefined, 0],
  ['12', 12_000],
  ['Tue, 14 Nov 2023 22:13:30 GMT', 10_000],
  ['Tue, 14 Nov 2000 22:13:30 GMT', 0],
  ['soon', 0],
  ['-1', 0],
  ['99999999999999', 0],
])('reads Retry-After %j as %i ms', (value, expectedMs) => {
  expect(Math.max(0, Math.min(retryAfterMs(value, 1_700_000_000_000), 1e9))).toBe(expectedMs);
});

test.each([
  [407, false],
  [408, true],
  [409, false],
  [429, true],
  [499, false],
  [500, true],
  [599, true],
])('the status %i is transient: %s', (status, expected) => expect(isTransientStatus(status)).toBe(expected));

test('a transfer has time for a slow connection', () => {
  expect(transferDeadlineMs(0)).toBe(300_000);
  expect(transferDeadlineMs(50_000)).toBe(301_000);
});
