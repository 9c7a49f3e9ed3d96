// Started as a process of its own: stores a file in S3, in parts of 5 MiB, after saying that it begins.
import fs from 'node:fs';
import { openStore } from '../../src/index.ts';

const [url = '', endpointUrl = '', file = '', sha256 = ''] = process.argv.slice(2);
const credentials = {
  accessKeyId: process.env['TEST_ACCESS_KEY_ID'] ?? '',
  secretAccessKey: process.env['TEST_SECRET_ACCESS_KEY'] ?? '',
};
const settings = {
  region: 'us-east-1',
  endpointUrl,
  forcePathStyle: true,
  partSizeBytes: 5 * 2 ** 20,
  concurrency: 2,
};
const store = await openStore(url, { s3: { settings, credentials: async () => credentials } });
const source = { kind: 'file', path: file, sizeBytes: fs.statSync(file).size } as const;
process.stdout.write('begins\n');
await store.write('large', source, {
  condition: 'any',
  contentType: 'application/octet-stream',
  cache: 'immutable',
  sha256,
});
process.stdout.write('done\n');
