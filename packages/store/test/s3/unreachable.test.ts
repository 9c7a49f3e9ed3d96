import net from 'node:net';
import { serveLoopback } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { openStore } from '../../src/index.ts';
import { put } from '../objects.ts';

/** A port of this machine where nothing listens. */
async function closedPort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function storeAt(endpointUrl: string) {
  const waitsMs: number[] = [];
  const notices: string[] = [];
  const clock = {
    nowMs: () => Date.now(),
    sleep: async (ms: number) => void waitsMs.push(ms),
    random: () => 0.5,
  };
  const store = await openStore('s3://bucket/prefix', {
    clock,
    onRetry: (reason) => notices.push(reason),
    s3: {
      settings: { region: 'us-east-1', endpointUrl, forcePathStyle: true },
      credentials: async () => ({ accessKeyId: 'key', secretAccessKey: 'hunter2' }),
    },
  });
  return { store, waitsMs, notices };
}

describe('a server where nothing listens', () => {
  test('is tried four times in a few seconds, and named with its port', async () => {
    const port = await closedPort();
    const { store, waitsMs, notices } = await storeAt(`http://127.0.0.1:${port}`);
    await expect(store.head('key')).rejects.toMatchObject({
      code: 'unreachable',
      retryable: false,
      message: `HEAD "key": nothing listens at 127.0.0.1:${port} (ECONNREFUSED).`,
      hint: 'Check the host and the port of the URL, and whether the server runs.',
    });
    expect(waitsMs).toEqual([500, 1000, 2000]);
    expect(notices).toEqual([
      `HEAD "key": nothing listens at 127.0.0.1:${port} (ECONNREFUSED). Trying again in 500 ms.`,
    ]);
  });

  test('is logged once, however many requests go there', async () => {
    const { store, notices } = await storeAt(`http://127.0.0.1:${await closedPort()}`);
    const all = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) => put(store, `k${index}`, 'x')),
    );
    expect(all.every(({ status }) => status === 'rejected')).toBe(true);
    expect(notices).toHaveLength(1);
  });

  test('after it answered before, is retried like any failure', async () => {
    let isUp = true;
    const server = await serveLoopback(async (_, response) => {
      response.writeHead(isUp ? 200 : 503, { 'content-length': '1', connection: 'close' }).end();
    });
    const { store, waitsMs, notices } = await storeAt(server.url);
    expect(await store.head('key')).toMatchObject({ sizeBytes: 1 });
    isUp = false;
    server.close();
    await expect(store.head('key')).rejects.toMatchObject({ code: 'unreachable', retryable: true });
    expect(waitsMs).toHaveLength(11);
    expect(notices).toHaveLength(1);
  });
});
