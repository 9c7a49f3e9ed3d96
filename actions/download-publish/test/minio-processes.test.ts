// Slow: about 30 s.
import {
  type ActionProcessOptions,
  type ActionRun,
  actionProcess,
  haveMinio,
  type Minio,
  makeTree,
  s3Objects,
  startMinio,
  startS3FaultProxy,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { bucketInputs, bundle, secret } from './downloads.ts';

const mebibyte = 2 ** 20;
/** Some in one request, some in parts. */
const sizes = { small: mebibyte, medium: 12 * mebibyte, large: 40 * mebibyte };
const workspace = makeTree(
  Object.fromEntries(
    Object.entries(sizes).map(([name, sizeBytes]) => [`${name}.bin`, Buffer.alloc(sizeBytes, name)]),
  ),
);
const files = Object.keys(sizes)
  .map((name) => `${name}: ${name}.bin`)
  .join('\n');

describe.skipIf(!haveMinio())('processes that publish to a bucket (needs minio)', () => {
  let minio: Minio;
  beforeAll(async () => {
    minio = await startMinio();
  });
  afterAll(() => minio?.stop());

  async function freshBucket() {
    const bucket = await minio.makeBucket();
    const inputs = { ...bucketInputs(minio, bucket), secret, files };
    return {
      objects: s3Objects({ url: minio.endpointUrl, bucket }, minio.credentials),
      publish: (
        onOutput: ActionProcessOptions['onOutput'] = () => {},
        more: Readonly<Record<string, string>> = {},
      ): Promise<ActionRun> => actionProcess(bundle, { workspace, inputs: { ...inputs, ...more }, onOutput }),
    };
  }

  async function expectWhole(
    { objects }: Awaited<ReturnType<typeof freshBucket>>,
    windows: string,
  ): Promise<void> {
    const keys = await objects.list('downloads/');
    expect(keys).toHaveLength(3 * windows.split('\n').length);
    for (const key of keys) {
      const name = key.split('/')[3] ?? '';
      const content = await objects.read(key);
      expect(content.length).toBe(sizes[name as keyof typeof sizes]);
      expect(content.replaceAll(name, '').length).toBeLessThan(name.length);
    }
  }

  test('I5: killed at any state of the server, even between parts, a rerun finishes it', async () => {
    const proxy = await startS3FaultProxy(minio.endpointUrl);
    onTestFinished(() => proxy.close());
    // Notes, small objects and parts alike.
    for (const stored of [1, 2, 3, 5, 8]) {
      const place = await freshBucket();
      let writes = 0;
      let kill: (() => void) | undefined;
      proxy.onAnswered = ({ method }) => {
        writes += method === 'PUT' ? 1 : 0;
        if (writes >= stored) kill?.();
      };
      const killed = await place.publish(
        (_, end) => {
          kill = () => end('SIGKILL');
        },
        { 'endpoint-url': proxy.endpointUrl },
      );
      expect(killed.signal, killed.log).toBe('SIGKILL');
      const left = (await place.objects.list('downloads/')).length;
      const rerun = await place.publish();
      expect(rerun.exitCode, rerun.log).toBe(0);
      expect(Number(rerun.outputs['uploaded'])).toBeLessThanOrEqual(
        3 * (rerun.outputs['windows']?.split('\n').length ?? 0) - left,
      );
      await expectWhole(place, rerun.outputs['windows'] ?? '');
    }
  }, 300_000);

  test('two at the same time both succeed, and a third finds nothing to do', async () => {
    const place = await freshBucket();
    const runs = await Promise.all([place.publish(), place.publish()]);
    for (const run of runs) expect(run.exitCode, run.log).toBe(0);
    await expectWhole(place, runs[0]?.outputs['windows'] ?? '');
    expect((await place.publish()).outputs).toMatchObject({ uploaded: '0' });
  }, 120_000);
});
