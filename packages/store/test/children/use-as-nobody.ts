// A separate process, started by root: becomes another user, then reads, lists, writes and removes.
import { hash } from 'node:crypto';
import { SlipwayError } from '@slipway/core';
import { openStore } from '../../src/index.ts';

const [url = ''] = process.argv.slice(2);
process.setgid?.(65534);
process.setuid?.(65534);
const store = await openStore(url);
const bytes = Buffer.from('x');
const options = { contentType: 'text/plain', cache: 'immutable', sha256: hash('sha256', bytes) } as const;

const outcomes: Record<string, unknown> = {};
const keys: string[] = [];
const attempt = async (name: string, task: () => Promise<unknown>): Promise<void> => {
  try {
    await task();
    outcomes[name] = 'done';
  } catch (error) {
    outcomes[name] = error instanceof SlipwayError ? error.code : String(error);
  }
};
const write = (key: string, condition: 'any' | 'absent') =>
  store.write(key, { kind: 'bytes', bytes }, { ...options, condition });

await attempt('read', () => store.read('open', { maxBytes: 10 }));
await attempt('read secret', () => store.read('secret', { maxBytes: 10 }));
await attempt('read behind', () => store.read('closed/behind', { maxBytes: 10 }));
await attempt('head behind', () => store.head('closed/behind'));
await attempt('list', async () => {
  for await (const info of store.list('')) keys.push(info.key);
});
await attempt('write absent', () => write('new/object', 'absent'));
await attempt('write any', () => write('open', 'any'));
await attempt('write behind', () => write('closed/new', 'any'));
await attempt('delete', () => store.delete('open'));
process.stdout.write(JSON.stringify(outcomes));
