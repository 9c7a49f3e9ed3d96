// A separate process: increments an object by compare-and-swap the given number of times.
import { hash } from 'node:crypto';
import { RemoteError } from '@slipway/core';
import { openFromTest } from './open-minio.ts';

const [url = '', key = '', times = '0'] = process.argv.slice(2);
const store = await openFromTest(url);
for (let done = 0; done < Number(times); ) {
  const object = await store.read(key, { maxBytes: 100 });
  const bytes = Buffer.from(String(Number(Buffer.from(object?.body ?? []).toString()) + 1));
  const options = { contentType: 'text/plain', cache: 'pointer', sha256: hash('sha256', bytes) } as const;
  const condition = object === undefined ? 'absent' : { etag: object.info.etag ?? '' };
  try {
    await store.write(key, { kind: 'bytes', bytes }, { ...options, condition });
    done += 1;
  } catch (error) {
    if (!(error instanceof RemoteError && error.code === 'condition-failed')) throw error;
  }
}
