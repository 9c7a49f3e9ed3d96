// A separate process: says that it starts, then stores a file in S3, in parts of 5 MiB.
import fs from 'node:fs';
import { openFromTest } from './open-minio.ts';

const [url = '', file = '', sha256 = ''] = process.argv.slice(2);
const store = await openFromTest(url);
const source = { kind: 'file', path: file, sizeBytes: fs.statSync(file).size } as const;
process.stdout.write('begins\n');
await store.write('large', source, {
  condition: 'any',
  contentType: 'application/octet-stream',
  cache: 'immutable',
  sha256,
});
process.stdout.write('done\n');
