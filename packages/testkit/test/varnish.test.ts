import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type DirectoryServer,
  serveDirectory,
  serveLoopback,
  serverProgram,
  startVarnish,
  temporaryDirectory,
  type Varnish,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

describe.skipIf(serverProgram('varnishd') === undefined)('Varnish (needs varnishd of Debian and gcc)', () => {
  const directory = temporaryDirectory('origin');
  let origin: DirectoryServer;
  let cdn: Varnish;
  beforeAll(async () => {
    mkdirSync(join(directory, 'a'));
    origin = await serveDirectory(directory);
    cdn = await startVarnish({ origin: origin.url, errorSeconds: 60 });
  });
  afterAll(async () => {
    await cdn?.stop();
    origin?.close();
  });

  const write = (name: string, text: string): void => writeFileSync(join(directory, name), text);
  const get = async (path: string): Promise<string> => (await fetch(cdn.url + path)).text();

  it('keeps serving what it has until that is banned', async () => {
    write('a/one', 'old');
    write('a/two', 'old');
    expect([await get('/a/one'), await get('/a/two')]).toEqual(['old', 'old']);
    write('a/one', 'new');
    write('a/two', 'new');
    const cached = await fetch(`${cdn.url}/a/one`);
    expect(await cached.text()).toBe('old');
    expect(cached.headers.get('x-cache')).toBe('Hit from varnish');
    await cdn.ban(['/a/one']);
    expect([await get('/a/one'), await get('/a/two')]).toEqual(['new', 'old']);
    await cdn.ban(['/a/t*']);
    expect(await get('/a/two')).toBe('new');
  });

  it('knows an object by the very spelling of its URL, as CDNs do', async () => {
    write('a/x+y', 'old');
    expect(await get('/a/x%2By')).toBe('old');
    write('a/x+y', 'new');
    await cdn.ban(['/a/x+y']);
    expect(await get('/a/x%2By')).toBe('old');
    await cdn.ban(['/a/x%2By']);
    expect(await get('/a/x%2By')).toBe('new');
  });

  it('answers 403 for what is missing, and keeps that answer', async () => {
    expect((await fetch(`${cdn.url}/a/late`)).status).toBe(403);
    write('a/late', 'here');
    expect((await fetch(`${cdn.url}/a/late`)).status).toBe(403);
    await cdn.ban(['/a/late']);
    expect(await get('/a/late')).toBe('here');
  });

  it('keeps an object as long as its Cache-Control says', async () => {
    let count = 0;
    const counting = await serveLoopback(async (request, response) => {
      count += 1;
      response.writeHead(200, { 'cache-control': request.url?.slice(1) ?? '' }).end(String(count));
    });
    const other = await startVarnish({ origin: counting.url });
    try {
      const answers = async (policy: string): Promise<string[]> => {
        const first = await (await fetch(`${other.url}/${policy}`)).text();
        return [first, await (await fetch(`${other.url}/${policy}`)).text()];
      };
      expect(await answers('max-age=60')).toEqual(['1', '1']);
      expect(await answers('no-store')).toEqual(['2', '3']);
      expect(await answers('max-age=0')).toEqual(['4', '5']);
    } finally {
      await other.stop();
      counting.close();
    }
  });

  it('runs beside another one', async () => {
    const other = await startVarnish({ origin: origin.url, missing: 404 });
    try {
      expect(other.url).not.toBe(cdn.url);
      expect((await fetch(`${other.url}/nowhere`)).status).toBe(404);
    } finally {
      await other.stop();
    }
    await expect(fetch(`${other.url}/nowhere`)).rejects.toThrow();
  });
});
