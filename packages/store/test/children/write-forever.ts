// A separate process: keeps replacing an object by large ones until it is killed.
import { hash } from 'node:crypto';
import { openStore } from '../../src/index.ts';

const [url = '', key = ''] = process.argv.slice(2);
const store = await openStore(url);
for (let round = 0; ; round += 1) {
  const bytes = Buffer.alloc(3_000_000, `${process.pid} ${round} `);
  const options = { contentType: 'text/plain', cache: 'immutable', sha256: hash('sha256', bytes) } as const;
  await store.write(key, { kind: 'bytes', bytes }, { ...options, condition: 'any' });
  if (round === 0) process.stdout.write('written\n');
}
