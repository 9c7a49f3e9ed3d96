import { gzipSync } from 'node:zlib';
import { silentProgress, systemClock } from '@slipway/core';
import { honestPackageIndex, storedIndex } from '@slipway/testkit';
import { describe, expect, it } from 'vitest';
import {
  type CheckHttp,
  type CheckOptions,
  type CheckRequest,
  type CheckResponse,
  checkIndex,
  isInternalHost,
} from '../src/index.ts';

const json = 'application/vnd.pypi.simple.v1+json';
const secret = { authorization: 'Bearer top-secret' };

async function* bodyOf(...chunks: readonly (Uint8Array | string)[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield Buffer.from(chunk);
}

function answer(
  status: number,
  headers: CheckResponse['headers'] = {},
  body: Uint8Array | string = '',
): CheckResponse {
  return { status, headers, body: bodyOf(body) };
}

function redirect(location: string): CheckResponse {
  return answer(302, { location });
}

/** A project page with one link. */
function pageTo(url: string, more: object = {}): CheckResponse {
  const file = { filename: 'torch-1.0-py3-none-any.whl', url, hashes: {}, ...more };
  return answer(
    200,
    { 'content-type': json },
    JSON.stringify({ meta: { 'api-version': '1.4' }, name: 'torch', files: [file] }),
  );
}

const root = (): CheckResponse =>
  answer(
    200,
    { 'content-type': json },
    JSON.stringify({ meta: { 'api-version': '1.4' }, projects: [{ name: 'torch' }] }),
  );

interface Site {
  readonly http: CheckHttp;
  readonly sent: readonly CheckRequest[];
}

/** A server that has a root page with one project, and what `answers` says; 404 for everything else. */
function site(answers: Readonly<Record<string, (request: CheckRequest) => CheckResponse>>): Site {
  const sent: CheckRequest[] = [];
  const http: CheckHttp = async (request) => {
    sent.push(request);
    const { url, headers } = request;
    if (url.pathname.endsWith('/') && headers['accept'] !== json) return answer(404);
    const found = answers[url.href] ?? (url.pathname === '/simple/' ? root : undefined);
    return found?.(request) ?? answer(404);
  };
  return { http, sent };
}

async function check({ http }: Site, options: CheckOptions = {}, origin = 'https://index.example') {
  const index = { kind: 'url', url: `${origin}/simple`, headers: secret } as const;
  const result = await checkIndex({ index, http, clock: systemClock, progress: silentProgress }, options);
  return { ...result, codes: result.findings.map(({ code }) => code) };
}

const project = 'https://index.example/simple/torch/';
const wheel = 'torch-1.0-py3-none-any.whl';

describe('hostile pages', () => {
  it.each([
    `http://127.0.0.1/${wheel}`,
    `http://2130706433/${wheel}`,
    `http://[::ffff:127.0.0.1]/${wheel}`,
    `http://localhost:8080/${wheel}`,
    `http://169.254.169.254/${wheel}`,
    `https://10.0.0.1/${wheel}`,
    `https://user:word@files.example/${wheel}`,
    `file:///etc/${wheel}`,
  ])('do not lead a check to %s', async (url) => {
    const served = site({ [project]: () => pageTo(url) });
    const { codes } = await check(served);
    expect(codes).toContain('page-link-internal');
    expect(served.sent.filter((request) => request.url.hostname !== 'index.example')).toEqual([]);
  });

  it.each([
    'http://127.0.0.1/',
    'http://169.254.169.254/latest/meta-data/',
    'http://files.example/down-from-https',
  ])('do not lead a check to %s by a redirect', async (location) => {
    const file = `https://files.example/${wheel}`;
    const served = site({ [project]: () => pageTo(file), [file]: () => redirect(location) });
    const { codes } = await check(served);
    expect(codes).toContain('page-link-internal');
    expect(served.sent.map((request) => request.url.href)).not.toContain(location);
  });

  it('lead to internal places where the index itself is, or that are allowed', async () => {
    const origin = 'http://127.0.0.1:8000';
    const own = `${origin}/${wheel}`;
    const other = `http://127.0.0.1:9000/${wheel}`;
    for (const [file, options, isAllowed] of [
      [own, {}, true],
      [other, {}, false],
      [other, { internalOrigins: ['http://127.0.0.1:9000'] }, true],
    ] as const) {
      const served = site({ [`${origin}/simple/torch/`]: () => pageTo(file), [file]: () => answer(200) });
      const { codes } = await check(served, options, origin);
      expect(codes.includes('page-link-internal')).toBe(!isAllowed);
      const asked = served.sent.filter((request) => request.url.href === file);
      expect(asked.length > 0 && asked.every((request) => request.mayBeInternal)).toBe(isAllowed);
    }
  });

  it('never get secrets sent to another host', async () => {
    const file = `https://files.example/${wheel}`;
    const own = `https://index.example/files/${wheel}`;
    const served = site({
      [project]: () => pageTo(own),
      [own]: () => redirect(file),
      [file]: () => answer(200),
    });
    await check(served);
    const elsewhere = served.sent.filter((request) => request.url.origin !== 'https://index.example');
    expect(elsewhere.length).toBeGreaterThan(0);
    expect(elsewhere.filter((request) => JSON.stringify(request.headers).includes('secret'))).toEqual([]);
    const at = served.sent.filter((request) => request.url.origin === 'https://index.example');
    expect(at.every((request) => request.headers['authorization'] === secret.authorization)).toBe(true);
    expect(elsewhere.some((request) => request.mayBeInternal)).toBe(false);
  });

  it('do not redirect a check for ever', async () => {
    const file = `https://files.example/${wheel}`;
    const served = site({ [project]: () => pageTo(file), [file]: () => redirect(file) });
    const { codes } = await check(served, { sample: { count: 0, seed: '' } });
    expect(codes).toContain('page-link-dead');
    expect(served.sent.filter((request) => request.url.href === file).length).toBe(6);
  });

  it('do not put queries, which may be secret, into findings', async () => {
    const served = site({ [project]: () => pageTo(`https://files.example/${wheel}?signature=hidden`) });
    const { findings } = await check(served);
    expect(findings.map(({ code }) => code)).toContain('page-link-dead');
    expect(JSON.stringify(findings)).not.toContain('hidden');
  });
});

describe('the limits of a check', () => {
  const endless = (): CheckResponse => ({
    status: 200,
    headers: { 'content-type': json },
    body: (async function* () {
      for (;;) yield Buffer.alloc(1024, ' ');
    })(),
  });

  it('end a page that does not end', async () => {
    const { codes, bytesRead } = await check(site({ [project]: endless }), {
      limits: { maxPageBytes: 10_000 },
    });
    expect(codes).toContain('page-missing');
    expect(bytesRead).toBeLessThan(20_000);
  });

  it('end a page that unpacks to too much', async () => {
    const bomb = () =>
      answer(200, { 'content-type': json, 'content-encoding': 'gzip' }, gzipSync(Buffer.alloc(1_000_000)));
    const { findings } = await check(site({ [project]: bomb }), { limits: { maxPageBytes: 10_000 } });
    expect(findings.find(({ code }) => code === 'page-missing')?.message).toContain(
      'unpacks to more than 10000 bytes',
    );
  });

  it('read a page that is packed', async () => {
    const file = `https://index.example/${wheel}`;
    const packed = () =>
      answer(
        200,
        { 'content-type': json, 'content-encoding': 'gzip' },
        gzipSync(
          JSON.stringify({
            meta: { 'api-version': '1.4' },
            name: 'torch',
            files: [{ filename: wheel, url: file, hashes: {} }],
          }),
        ),
      );
    expect((await check(site({ [project]: packed }))).files).toBe(1);
  });

  it('end a file that does not end', async () => {
    const file = `https://files.example/${wheel}`;
    const served = site({
      [project]: () => pageTo(file),
      [file]: ({ method }) => (method === 'HEAD' ? answer(200) : endless()),
    });
    const { codes, isComplete, bytesRead } = await check(served, { limits: { maxBytes: 100_000 } });
    expect(codes).toContain('page-check-incomplete');
    expect(isComplete).toBe(false);
    expect(bytesRead).toBeLessThan(110_000);
  });

  it.each([
    ['requests', { maxRequests: 2 }],
    ['pages', { maxPages: 1 }],
    ['files', { maxFiles: 1 }],
    ['METADATA files', { maxMetadataFiles: 1 }],
    ['seconds', { maxMs: 0 }],
    ['bytes', { maxBytes: 10 }],
  ])('in %s are told', async (unit, limits) => {
    const stored = storedIndex(await honestPackageIndex());
    const http: CheckHttp = async ({ url, headers }) => {
      const path = url.pathname.slice(1);
      const key = path.endsWith('/') ? `${path}index.${headers['accept'] === json ? 'json' : 'html'}` : path;
      const bytes = stored.get(decodeURIComponent(key));
      if (bytes === undefined) return answer(404);
      return answer(200, { 'content-type': key.endsWith('.json') ? json : 'text/html' }, bytes);
    };
    const index = { kind: 'url', url: 'https://index.example/whl/' } as const;
    const result = await checkIndex(
      { index, http, clock: systemClock, progress: silentProgress },
      { limits },
    );
    expect(result.isComplete).toBe(false);
    expect(result.findings.find(({ code }) => code === 'page-check-incomplete')?.message).toContain(unit);
    const whole = await checkIndex({ index, http, clock: systemClock, progress: silentProgress });
    expect(whole.isComplete).toBe(true);
  });
});

describe('servers', () => {
  it('that fail or say nothing are not taken for wrong indexes', async () => {
    const file = `https://files.example/${wheel}`;
    const failing: CheckHttp = async () => {
      throw new Error('connection refused');
    };
    expect((await check({ http: failing, sent: [] })).codes).toEqual(['page-link-unchecked']);
    const { codes } = await check(site({ [project]: () => pageTo(file), [file]: () => answer(503) }));
    expect(new Set(codes)).toEqual(new Set(['page-link-unchecked']));
  });

  it('that only know GET are asked by it', async () => {
    const file = `https://files.example/${wheel}`;
    const served = site({
      [project]: () => pageTo(file, { size: 3 }),
      [file]: ({ method }) =>
        method === 'HEAD' ? answer(405) : answer(200, { 'content-length': '4' }, 'four'),
    });
    expect((await check(served, { sample: { count: 0, seed: '' } })).codes).toEqual(['page-size-wrong']);
  });

  it('that give pages a content type that no client takes are found out', async () => {
    const page = () =>
      answer(
        200,
        { 'content-type': 'application/json' },
        '{"meta":{"api-version":"1.4"},"name":"torch","files":[]}',
      );
    const { codes } = await check(site({ [project]: page }));
    expect(codes).toEqual(['page-content-type']);
  });
});

describe('a sample', () => {
  it('depends on its seed alone', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `torch-1.${index}-py3-none-any.whl`);
    const read = async (seed: string, order: readonly string[]): Promise<readonly string[]> => {
      const files = order.map((filename) => ({
        filename,
        url: `https://index.example/${filename}`,
        hashes: {},
      }));
      const served = site({
        [project]: () =>
          answer(
            200,
            { 'content-type': json },
            JSON.stringify({ meta: { 'api-version': '1.4' }, name: 'torch', files }),
          ),
        ...Object.fromEntries(names.map((name) => [`https://index.example/${name}`, () => answer(200)])),
      });
      const { filesRead } = await check(served, { sample: { count: 5, seed } });
      expect(filesRead).toBe(5);
      const gets = served.sent.filter(
        ({ method, url, headers }) =>
          method === 'GET' && url.pathname.endsWith('.whl') && headers['range'] === undefined,
      );
      return gets.map(({ url }) => url.pathname).sort();
    };
    const one = await read('one', names);
    expect(await read('one', names.toReversed())).toEqual(one);
    expect(await read('two', names)).not.toEqual(one);
  });
});

describe('the URL of an index', () => {
  it.each([
    'ftp://index.example/',
    'https://user:word@index.example/',
    'https://index.example/?x=1',
    'index',
  ])('is refused: %s', async (url) => {
    const input = {
      index: { kind: 'url', url },
      http: async () => answer(404),
      clock: systemClock,
      progress: silentProgress,
    } as const;
    await expect(checkIndex(input)).rejects.toMatchObject({ code: 'input-invalid' });
  });

  it.each(['../x', 'whl//x', '/whl', 'whl/.'])('has no directory %s', async (directory) => {
    await expect(check(site({}), { directories: [directory] })).rejects.toMatchObject({
      code: 'input-invalid',
    });
  });
});

describe('internal hosts', () => {
  it.each([
    ...[
      'localhost',
      'LOCALHOST.',
      'a.localhost',
      '127.0.0.1',
      '127.9.9.9',
      '0.0.0.0',
      '10.1.2.3',
      '100.64.0.1',
    ],
    ...['169.254.169.254', '172.16.0.1', '172.31.9.9', '192.168.1.1', '192.0.0.1', '198.18.0.1', '224.0.0.1'],
    ...[
      '255.255.255.255',
      '[::1]',
      '[::]',
      '[fe80::1]',
      'fe80::1%eth0',
      '[fd00::1]',
      '[fc00::1]',
      '[ff02::1]',
    ],
    ...[
      '[::ffff:7f00:1]',
      '[::ffff:10.0.0.1]',
      '[64:ff9b::7f00:1]',
      '[2002:7f00:1::]',
      '[fec0::1]',
      '[::7f00:1]',
      '',
    ],
  ])('are known: %s', (host) => {
    expect(isInternalHost(host)).toBe(true);
  });

  it.each([
    ...['pypi.org', 'localhost.example', '8.8.8.8', '100.128.0.1', '172.32.0.1', '192.169.0.1', '198.20.0.1'],
    ...['[2606:4700::1111]', '[::ffff:8.8.8.8]', '[64:ff9b::808:808]', '[2002:808:808::]', '9.255.255.255'],
  ])('are not others: %s', (host) => {
    expect(isInternalHost(host)).toBe(false);
  });
});
