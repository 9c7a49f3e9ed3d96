import { once } from 'node:events';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type AwsCredentialsSource, UserError } from '@slipway/core';
import { afterEach, expect, test } from 'vitest';
import { credentialPort } from '../src/credential-port.ts';
import { refreshing } from '../src/refreshing.ts';
import { HandClock, recordedPorts } from './support.ts';

const workers: Worker[] = [];
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.terminate()));
});

function startWorker(source: AwsCredentialsSource) {
  const port = credentialPort(source);
  const worker = new Worker(join(import.meta.dirname, 'credential-worker.ts'), {
    workerData: { port },
    transferList: [port],
    execArgv: ['--conditions=source'],
  });
  workers.push(worker);
  return {
    async ask(count: number): Promise<readonly { accessKeyId?: string; code?: string; message?: string }[]> {
      const answered = once(worker, 'message');
      worker.postMessage(count);
      return (await answered)[0];
    },
  };
}

test('threads ask for the credentials of the main thread, which fetches them once, and again when they expire', async () => {
  const clock = new HandClock(0);
  let fetched = 0;
  const source = refreshing(
    async () => {
      fetched += 1;
      return { accessKeyId: `key-${fetched}`, secretAccessKey: 's', expiresAtMs: clock.nowMs() + 3_600_000 };
    },
    recordedPorts({}, clock),
  );
  const [one, two] = [startWorker(source), startWorker(source)];
  const keys = (await Promise.all([one.ask(20), two.ask(20)])).flat().map(({ accessKeyId }) => accessKeyId);
  expect(keys).toHaveLength(40);
  expect(new Set(keys)).toEqual(new Set(['key-1']));
  clock.advance(3_599_000);
  expect(await two.ask(1)).toEqual([{ accessKeyId: 'key-2' }]);
  expect(await one.ask(1)).toEqual([{ accessKeyId: 'key-2' }]);
  expect(fetched).toBe(2);
});

test('a thread learns why there are no credentials', async () => {
  const { ask } = startWorker(async () => {
    throw new UserError('credentials-missing', 'there are none', { hint: 'Give some.' });
  });
  expect(await ask(2)).toEqual(
    Array.from({ length: 2 }, () => ({
      name: 'RemoteError',
      code: 'credentials-refused',
      message: 'there are none',
    })),
  );
});
