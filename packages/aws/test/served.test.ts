import { hash } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Expectation, type ProofOptions, proveServed, type Served } from '@slipway/aws';
import { systemClock } from '@slipway/core';
import { serveLoopback } from '@slipway/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';

async function serve(answer: RequestListener): Promise<string> {
  const server = await serveLoopback(async (...request) => void answer(...request));
  onTestFinished(() => server.close());
  return server.url;
}

const fresh = Buffer.from('new bytes');
const sha256 = hash('sha256', fresh);

async function prove(
  expectation: Omit<Expectation, 'sha256'>,
  options: Partial<ProofOptions> & { readonly forMs?: number } = {},
): Promise<Served> {
  const { forMs = 0, ...more } = options;
  const deadlineMs = Date.now() + forMs;
  const [served] = await proveServed([{ sha256, ...expectation }], {
    clock: systemClock,
    deadlineMs,
    ...more,
  });
  if (served === undefined) throw new Error('nothing was proven');
  return served;
}

describe('proving what is served', () => {
  it('asks as a user does, and compares every byte', async () => {
    let asked: Parameters<RequestListener>[0] | undefined;
    const url = await serve((request, response) => {
      asked = request;
      response.end(fresh);
    });
    expect(await prove({ url: `${url}/a%20b/c` })).toEqual({ kind: 'fresh' });
    expect(await prove({ url: `${url}/a%20b/c`, sizeBytes: fresh.length })).toEqual({ kind: 'fresh' });
    expect(asked?.url).toBe('/a%20b/c');
    expect(asked?.headers['accept-encoding']).toBe('identity');
    expect(Object.keys(asked?.headers ?? {})).not.toContain('cache-control');
  });

  it('accepts what is stored with a Content-Encoding, and asks again for an old copy of it', async () => {
    let count = 0;
    const url = await serve((_, response) => {
      count += 1;
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(count < 3 ? 'old' : fresh);
    });
    const clock = { ...systemClock, sleep: async (): Promise<void> => undefined };
    expect(await prove({ url }, { clock, forMs: 60_000 })).toEqual({ kind: 'fresh' });
    expect(await prove({ url, sizeBytes: fresh.length }, { clock, forMs: 60_000 })).toEqual({
      kind: 'fresh',
    });
    expect(count).toBe(4);
  });

  it('reports other bytes, with the headers of the cache that sent them', async () => {
    const url = await serve((_, response) => {
      const headers = { age: '4711', 'x-cache': 'Hit from cloudfront', via: '1.1 edge', etag: '"old"' };
      response.writeHead(200, headers).end('old bytes');
    });
    expect(await prove({ url })).toEqual({
      kind: 'stale',
      sha256: hash('sha256', 'old bytes'),
      details: 'age: 4711, x-cache: Hit from cloudfront, via: 1.1 edge, etag: "old"',
    });
  });

  it.each([
    [403, 'forbidden'],
    [401, 'forbidden'],
    [404, 'missing'],
    [410, 'missing'],
    [500, 'failed'],
    [503, 'failed'],
    [206, 'failed'],
    [304, 'failed'],
  ])('reports %i as %s', async (status, kind) => {
    const url = await serve((_, response) => void response.writeHead(status).end());
    expect(await prove({ url })).toMatchObject({ kind });
  });

  it('asks until the new bytes are served, several URLs at a time, at most until the deadline', async () => {
    const counts = new Map<string, number>();
    const url = await serve((request, response) => {
      const count = (counts.get(request.url ?? '') ?? 0) + 1;
      counts.set(request.url ?? '', count);
      response.end(count < 3 && request.url !== '/never' ? 'old' : request.url === '/never' ? 'old' : fresh);
    });
    const names = Array.from({ length: 20 }, (_, index) => `/late-${index}`);
    const served = await proveServed(
      [...names, '/never'].map((name) => ({ url: url + name, sha256 })),
      { clock: { ...systemClock, sleep: () => sleep(1) }, deadlineMs: Date.now() + 3_000 },
    );
    expect(served.map(({ kind }) => kind)).toEqual([...names.map(() => 'fresh'), 'stale']);
    expect(names.map((name) => counts.get(name))).toEqual(names.map(() => 3));
    expect(counts.get('/never')).toBeGreaterThan(3);
  });

  it('follows no redirects if told not to', async () => {
    const asked: string[] = [];
    const url = await serve((request, response) => {
      asked.push(request.url ?? '');
      if (request.url === '/there') response.end(fresh);
      else response.writeHead(307, { location: '/there' }).end();
    });
    expect(await prove({ url: `${url}/here` })).toMatchObject({ kind: 'fresh' });
    asked.length = 0;
    expect(await prove({ url: `${url}/here` }, { followRedirects: false })).toMatchObject({
      kind: 'failed',
      reason: 'it redirects (307), which is not followed',
    });
    expect(asked).toEqual(['/here']);
  });

  it('stops early if that is enough', async () => {
    let count = 0;
    const url = await serve((_, response) => {
      count += 1;
      response.end('old');
    });
    const served = await prove({ url }, { forMs: 60_000, isEnough: ({ kind }) => kind === 'stale' });
    expect([served.kind, count]).toEqual(['stale', 1]);
  });

  it('follows redirects', async () => {
    const url = await serve((request, response) => {
      if (request.url === '/from') response.writeHead(302, { location: '/to' }).end();
      else response.end(fresh);
    });
    expect(await prove({ url: `${url}/from` })).toEqual({ kind: 'fresh' });
  });
});

describe('I8: a hostile CDN', () => {
  it('cannot keep a proof busy with an endless body', async () => {
    let sentBytes = 0;
    const url = await serve((_, response) => {
      const chunk = Buffer.alloc(64 * 1024);
      const more = (): void => {
        while (!response.destroyed && response.write(chunk)) sentBytes += chunk.length;
        sentBytes += chunk.length;
      };
      response.on('drain', more);
      more();
    });
    expect(await prove({ url, sizeBytes: 100_000 }, { forMs: 60_000, isEnough: () => true })).toMatchObject({
      kind: 'stale',
      sha256: undefined,
    });
    expect(sentBytes).toBeLessThan(64 * 2 ** 20);
    const timely = await prove({ url }, { forMs: 1_000 });
    expect(timely).toMatchObject({ kind: 'failed', reason: 'it took too long' });
  });

  it('can only redirect to https://, or from this machine to itself', async () => {
    const places = [
      'file:///etc/passwd',
      'http://169.254.169.254/latest/meta-data',
      'http://example.org/',
      'ftp://127.0.0.1/',
      'https://user:secret@example.org/',
      'data:text/plain,new bytes',
      'http://[',
    ];
    const url = await serve((request, response) => {
      const location = places[Number(request.url?.slice(1))] ?? '/loop';
      response.writeHead(302, { location }).end();
    });
    for (const [index] of places.entries()) {
      const served = await prove({ url: `${url}/${index}` }, { forMs: 60_000 });
      expect(served).toMatchObject({ kind: 'failed', reason: expect.stringMatching(/redirects to/) });
      expect(JSON.stringify(served)).not.toMatch(/secret/);
    }
    expect(await prove({ url: `${url}/loop` }, { forMs: 60_000 })).toMatchObject({
      reason: 'it redirects more than 5 times',
    });
  });

  it('cannot fill the log through headers, or issue a workflow command', async () => {
    const url = await serve((_, response) => {
      response.writeHead(200, { 'x-cache': `::error::pwned ${'x'.repeat(5_000)}`, age: '##[error]' });
      response.end('old');
    });
    const served = await prove({ url });
    if (served.kind !== 'stale') throw new Error(served.kind);
    expect(served.details.length).toBeLessThan(400);
    expect(served.details).not.toMatch(/::|##\[/);
    const endless = await serve((_, response) => {
      response.writeHead(200, { 'x-long': 'x'.repeat(100_000) }).end(fresh);
    });
    expect(await prove({ url: endless }, { forMs: 60_000 })).toMatchObject({
      kind: 'failed',
      reason: expect.stringMatching(/headers of .* are too large/),
    });
  });

  it.each<[string, RequestListener, RegExp]>([
    [
      'a body that is cut',
      (_, response) => {
        response.writeHead(200, { 'content-length': '100' });
        response.write('old');
        setTimeout(() => response.destroy(), 20);
      },
      /cut off after 3 bytes/,
    ],
    [
      'a body that is encoded',
      (_, response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end(),
      /encoded/,
    ],
    ['no HTTP', (request) => void request.socket.end('what?\r\n\r\n'), /HTTP|connection failed/],
    ['a reset', (request) => void request.socket.resetAndDestroy(), /connection to .* failed/],
  ])('%s is a distinct failure', async (_, answer, reason) => {
    const url = await serve(answer);
    expect(await prove({ url })).toMatchObject({ kind: 'failed', reason: expect.stringMatching(reason) });
  });

  it('is only asked again if that can help', async () => {
    let count = 0;
    const url = await serve((request, response) => {
      count += 1;
      if (count < 3) request.socket.resetAndDestroy();
      else response.end(fresh);
    });
    expect(await prove({ url }, { forMs: 60_000 })).toEqual({ kind: 'fresh' });
    expect(await prove({ url: url.replace('http:', 'https:') }, { forMs: 60_000 })).toMatchObject({
      kind: 'failed',
      reason: expect.stringMatching(/not secure/),
    });
  });
});
