import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createServer as createSecureServer } from 'node:https';
import net from 'node:net';
import tls from 'node:tls';
import type { Clock } from '@slipway/core';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { objectUrl } from '../../src/http/store.ts';
import { HttpsStore, openStore } from '../../src/index.ts';
import { describeReading } from '../contract.ts';
import { drain, keysOf, put, temporaryDirectory, textOf } from '../objects.ts';
import { cutAfter, HttpMirrorDouble, reset, silence, status } from './mirror-double.ts';

/** A clock whose sleeps return at once; records how long they were. */
function fastClock(): Clock & { readonly sleptMs: number[] } {
  let nowMs = 1_700_000_000_000;
  const sleptMs: number[] = [];
  return {
    sleptMs,
    nowMs: () => nowMs,
    sleep: async (ms) => {
      sleptMs.push(ms);
      nowMs += ms;
    },
    random: () => 0.5,
  };
}

describeReading('HttpsStore', async () => {
  const double = await HttpMirrorDouble.start();
  return {
    store: await openStore(double.url),
    place: async (key, content) => void double.objects.set(key, Buffer.from(content)),
  };
});

describe('HttpsStore', () => {
  let double: HttpMirrorDouble;
  let clock: ReturnType<typeof fastClock>;
  let store: HttpsStore;
  beforeEach(async () => {
    double = await HttpMirrorDouble.start();
    double.objects.set('object', Buffer.alloc(300_000, 'content '));
    double.objects.set('small', Buffer.from('small'));
    clock = fastClock();
    store = new HttpsStore(double.url, double.url, { clock, idleMs: 300 });
  });
  const streamed = async () => drain((await store.readStream('object', { maxBytes: 1_000_000 }))?.body ?? []);

  test('is read-only', async () => {
    expect([store.writable, store.listable]).toEqual([false, false]);
    await expect(put(store, 'a', 'x')).rejects.toMatchObject({ code: 'target-read-only' });
    await expect(store.delete('a')).rejects.toMatchObject({ code: 'target-read-only' });
    await expect(keysOf(store.list(''))).rejects.toMatchObject({ code: 'not-supported' });
    expect(double.requests).toEqual([]);
  });

  test('encodes everything but the unreserved characters of RFC 3986', () => {
    expect(objectUrl('https://h/p', "a-b._~/c+d %/(é)!*'#?")).toBe(
      'https://h/p/a-b._~/c%2Bd%20%25/%28%C3%A9%29%21%2A%27%23%3F',
    );
  });

  test('asks for unencoded bytes, over reused connections', async () => {
    for (let round = 0; round < 5; round += 1) await textOf(store, round % 2 === 0 ? 'small' : 'missing');
    expect(double.requests.every((request) => request.headers['accept-encoding'] === 'identity')).toBe(true);
    // The body of a 404 may still be arriving when the next request needs a connection.
    expect(new Set(double.requests.map((request) => request.socket.remotePort)).size).toBeLessThanOrEqual(2);
  });

  test('returns ETags unchanged, even weak ones', async () => {
    double.faults.push(status(200, { etag: 'W/"odd, one"', 'content-length': '19' }));
    expect((await store.read('small', { maxBytes: 100 }))?.info.etag).toBe('W/"odd, one"');
  });

  test('treats 404 and 410 as missing, 401 and 403 as refused, without asking twice', async () => {
    double.faults.push(status(404), status(410));
    expect(await textOf(store, 'small')).toBeUndefined();
    expect(await store.head('small')).toBeUndefined();
    for (const refusal of [401, 403]) {
      double.faults.push(status(refusal));
      const refused = {
        code: 'access-denied',
        retryable: false,
        hint: expect.stringContaining('ListBucket'),
      };
      await expect(store.read('small', { maxBytes: 10 })).rejects.toMatchObject(refused);
    }
    expect(double.requests).toHaveLength(4);
  });

  test.each([400, 204, 206, 304, 418])('does not accept %i as an answer', async (code) => {
    double.faults.push(status(code));
    await expect(store.read('small', { maxBytes: 10 })).rejects.toMatchObject({
      code: 'unexpected-response',
    });
  });

  test('refuses a body that the server encoded anyway', async () => {
    double.faults.push(status(200, { 'content-encoding': 'gzip' }));
    await expect(store.read('small', { maxBytes: 10 })).rejects.toMatchObject({
      code: 'unexpected-response',
    });
  });

  test('retries after 5xx, 429 and resets, with growing waits', async () => {
    double.faults.push(status(503), status(429), reset, status(500));
    expect(await textOf(store, 'small')).toBe('small');
    expect(clock.sleptMs).toEqual([125, 250, 500, 1000]);
    double.faults.push(reset, reset);
    expect(await store.head('small')).toMatchObject({ sizeBytes: 5 });
  });

  test('gives up after four retries', async () => {
    double.faults.push(...Array.from({ length: 5 }, () => status(502)));
    const failed = { code: 'store-failed', retryable: true, message: expect.stringContaining('502') };
    await expect(store.read('small', { maxBytes: 10 })).rejects.toMatchObject(failed);
    expect(double.requests).toHaveLength(5);
    expect(await textOf(store, 'small')).toBe('small');
  });

  test('waits as Retry-After says, up to a minute, and never past the deadline', async () => {
    double.faults.push(status(503, { 'retry-after': '7' }), status(503, { 'retry-after': '99999' }));
    expect(await textOf(store, 'small')).toBe('small');
    expect(clock.sleptMs).toEqual([7000, 60_000]);
    const hurried = new HttpsStore(double.url, double.url, { clock, deadlineMs: 5000 });
    double.faults.push(status(503, { 'retry-after': '7' }));
    await expect(hurried.read('small', { maxBytes: 10 })).rejects.toMatchObject({ code: 'store-failed' });
    expect(clock.sleptMs).toHaveLength(2);
  });

  test('reads a cut body again, and reports it if it stays cut', async () => {
    double.faults.push(cutAfter(1000));
    expect((await store.read('object', { maxBytes: 1_000_000 }))?.body.length).toBe(300_000);
    double.faults.push(...Array.from({ length: 5 }, () => cutAfter(1000)));
    const cut = { code: 'unexpected-response', retryable: true };
    await expect(store.read('object', { maxBytes: 1_000_000 })).rejects.toMatchObject(cut);
  });

  test('resumes a cut stream where it broke', async () => {
    double.faults.push(cutAfter(100_000), cutAfter(1), reset, status(503));
    expect((await streamed()).equals(double.objects.get('object') ?? Buffer.alloc(0))).toBe(true);
    expect(double.requests.map((request) => request.headers.range).slice(0, 3)).toEqual([
      undefined,
      'bytes=100000-',
      'bytes=100001-',
    ]);
  });

  test('never joins the parts of two objects', async () => {
    double.faults.push((request, response, content) => {
      cutAfter(100_000)(request, response, content);
      double.objects.set('object', Buffer.alloc(300_000, 'another!'));
    });
    await expect(streamed()).rejects.toMatchObject({ code: 'unexpected-response' });
    double.faults.push(cutAfter(1000), (_, response) => {
      response.writeHead(206, { 'content-range': 'bytes 7-299999/300000' }).end('x');
    });
    await expect(streamed()).rejects.toMatchObject({ code: 'unexpected-response' });
    double.faults.push((request, response) => {
      response.writeHead(200, { etag: 'W/"weak"', 'content-length': 10 });
      response.write('12345', () => request.socket.destroy());
    });
    await expect(streamed()).rejects.toMatchObject({ code: 'unexpected-response' });
  });

  test('does not wait for a server that falls silent before or during the answer', async () => {
    const short = new HttpsStore(double.url, double.url, { clock, idleMs: 50 });
    double.faults.push(...Array.from({ length: 5 }, () => silence));
    await expect(short.read('small', { maxBytes: 10 })).rejects.toMatchObject({
      code: 'timed-out',
      retryable: true,
    });
    double.faults.push(
      (_, response) => void response.writeHead(200, { 'content-length': 10 }).write('12345'),
    );
    expect(await textOf(short, 'small')).toBe('small');
  });

  test('I8: does not wait past the deadline for a slow server', async () => {
    const short = new HttpsStore(double.url, double.url, { deadlineMs: 200 });
    double.faults.push((_, response) => {
      response.writeHead(200, { 'content-length': 1_000_000 });
      const timer = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(timer));
    });
    await expect(short.read('small', { maxBytes: 1e6 })).rejects.toMatchObject({ code: 'timed-out' });
  });

  test('I8: ends a stream that takes longer than its size allows', async () => {
    const started = clock.nowMs();
    const readIn = async (waitedMs: number): Promise<Buffer> => {
      clock.nowMs = () => started;
      const late = await store.readStream('object', { maxBytes: 1_000_000 });
      return drain(
        (async function* () {
          for await (const chunk of late?.body ?? []) {
            clock.nowMs = () => started + waitedMs;
            yield chunk;
          }
        })(),
      );
    };
    // Five minutes, plus what a connection of 50 kB/s needs.
    const limitMs = 300_000 + 300_000 / 50;
    expect(await readIn(limitMs)).toHaveLength(300_000);
    await expect(readIn(limitMs + 1)).rejects.toMatchObject({ code: 'timed-out' });
  });

  test('I8: stops a body without a length at the limit', async () => {
    let sentBytes = 0;
    double.faults.push((_, response) => {
      const pump = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536))) sentBytes += 65_536;
        if (!response.destroyed) response.once('drain', pump);
      };
      pump();
    });
    await expect(store.read('small', { maxBytes: 1_000_000 })).rejects.toMatchObject({ code: 'too-large' });
    expect(sentBytes).toBeLessThan(50_000_000);
  });

  test('requires a length for a head and a stream', async () => {
    const chunked = (_: unknown, response: import('node:http').ServerResponse) =>
      void response.write('x', () => response.end());
    double.faults.push(chunked, chunked);
    await expect(store.head('small')).rejects.toMatchObject({ code: 'unexpected-response' });
    await expect(store.readStream('small', { maxBytes: 10 })).rejects.toMatchObject({
      code: 'unexpected-response',
    });
  });

  test('follows redirects, up to five', async () => {
    const around = status(302, { location: '/mirror/object' });
    double.faults.push(around, status(308, { location: `${double.url}/small` }));
    expect(await textOf(store, 'object')).toBe('small');
    double.faults.push(...Array.from({ length: 6 }, () => around));
    await expect(store.head('small')).rejects.toMatchObject({ code: 'unexpected-response' });
    expect(double.requests).toHaveLength(3 + 6);
  });

  test.each([
    'http://example.org/x',
    'file:///etc/passwd',
    'ftp://127.0.0.1/x',
    'https://user:secret@example.org/',
    'http://127.0.0.1.example.org/',
    'http://[bad',
    '',
  ])('I8: follows no redirect to %j', async (location) => {
    double.faults.push(status(301, location === '' ? {} : { location }));
    const error = await store.head('small').catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'unexpected-response' });
    expect(error.message).not.toContain('secret');
  });

  test('reports a missing server, an answer that is not HTTP, and an invalid certificate', async () => {
    const closed = new HttpsStore('x', 'http://127.0.0.1:1', { clock });
    await expect(closed.head('a')).rejects.toMatchObject({ code: 'unreachable', retryable: true });
    const babble = net.createServer((socket) => socket.end('SSH-2.0-babble\r\n')).listen(0, '127.0.0.1');
    onTestFinished(() => void babble.close());
    await new Promise((resolve) => babble.once('listening', resolve));
    const { port } = babble.address() as net.AddressInfo;
    const odd = new HttpsStore('x', `http://127.0.0.1:${port}`, { clock });
    await expect(odd.head('a')).rejects.toMatchObject({ code: 'unexpected-response', retryable: false });
    const insecure = createSecureServer({}).listen(0, '127.0.0.1');
    onTestFinished(() => void insecure.close());
    await new Promise((resolve) => insecure.once('listening', resolve));
    const secure = new HttpsStore('x', `https://127.0.0.1:${(insecure.address() as net.AddressInfo).port}`, {
      clock,
    });
    await expect(secure.head('a')).rejects.toMatchObject({ code: 'unreachable', retryable: false });
  });

  const haveOpenssl = spawnSync('openssl', ['version']).status === 0;
  test.skipIf(!haveOpenssl)(
    'reads over TLS only from servers with a trusted certificate (needs openssl)',
    async () => {
      const directory = temporaryDirectory();
      const [keyFile, certificateFile] = [`${directory}/key`, `${directory}/certificate`];
      const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
      const output = ['-keyout', keyFile, '-out', certificateFile];
      const made = spawnSync('openssl', [
        'req',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        ...subject,
        ...output,
      ]);
      expect(made.status, `${made.stderr}`).toBe(0);
      const certificate = fs.readFileSync(certificateFile, 'utf8');
      const options = { key: fs.readFileSync(keyFile), cert: certificate };
      const server = createSecureServer(options, (_, response) => void response.end('over TLS')).listen(
        0,
        '127.0.0.1',
      );
      onTestFinished(() => void server.close());
      await new Promise((resolve) => server.once('listening', resolve));
      const url = `https://localhost:${(server.address() as net.AddressInfo).port}`;
      const untrusting = new HttpsStore(url, url, { clock });
      await expect(untrusting.read('a', { maxBytes: 10 })).rejects.toMatchObject({
        code: 'unreachable',
        retryable: false,
      });
      const trusted = tls.getCACertificates('default');
      tls.setDefaultCACertificates([...trusted, certificate]);
      onTestFinished(() => tls.setDefaultCACertificates(trusted));
      expect(await textOf(new HttpsStore(url, url, { clock }), 'a')).toBe('over TLS');
      server.closeAllConnections();
    },
  );

  test('uses the proxy that the environment names', async () => {
    const proxied = new HttpsStore('x', 'http://mirror.invalid/mirror', {
      clock,
      proxyEnvironment: { HTTP_PROXY: double.url.replace('/mirror', '') },
    });
    expect(await textOf(proxied, 'small')).toBe('small');
  });

  test('I8: makes everything a server says printable', async () => {
    double.faults.push(
      status(302, { location: 'x-::error::y://z' }),
      status(302, { location: '::set-output' }),
    );
    const error = await store.head('::warning::key').catch((thrown) => thrown);
    expect(error.message).not.toContain('::');
  });
});
