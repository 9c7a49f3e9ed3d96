// Slow: about 20 s.
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  documentBlock,
  haveCdnSite,
  havePip,
  haveUv,
  haveWorkflowRunner,
  makeWheel,
  runShellBlock,
  type S3Objects,
  s3Objects,
  serverProgram,
  startVarnish,
  temporaryDirectory,
  type Varnish,
  withReplacements,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkout, type ExampleOptions, runExample } from './example-workflow.ts';
import { startTrustingSite, type TrustingSite } from './trusting-site.ts';

const publishRole = 'arn:aws:iam::123456789012:role/publish';

describe.skipIf(!haveWorkflowRunner() || !haveCdnSite())(
  'workflows that index packages (needs act, minio and varnishd)',
  () => {
    let world: TrustingSite;
    let varnish: Varnish | undefined;
    let objects: S3Objects;
    let bucket = '';

    beforeAll(async () => {
      world = await startTrustingSite({ hasRegion: false });
      const { minio, site } = world;
      bucket = site.bucket;
      objects = s3Objects({ url: minio.endpointUrl, bucket }, minio.credentials);
      varnish = await startVarnish({ origin: minio.endpointUrl, indexDocument: 'index.html' });
    });
    afterAll(async () => {
      await varnish?.stop();
      await world?.stop();
    });

    const options = (): ExampleOptions => ({
      actions: ['package-index'],
      environment: world.issuer.environment,
      before: [checkout],
      inputs: world.inputs,
    });
    /** Stores a wheel in a directory of the bucket. */
    const store = async (directory: string, name: string, version: string): Promise<void> => {
      const { fileName, bytes } = await makeWheel({ name, version });
      await objects.write(`${directory}/${fileName}`, bytes);
    };

    describe('the first step of package-index', () => {
      beforeAll(async () => {
        await store('whl/cu118', 'torch', '2.9.0+cu118');
        const run = await runExample('actions/package-index/README.md#package-index', {
          ...options(),
          replacements: { 'my-bucket': bucket, [publishRole]: world.minio.roleArn },
        });
        expect(run.exitCode, run.log).toBe(0);
      });

      test('takes METADATA out of wheels and writes pages', async () => {
        const keys = await objects.list('whl/cu118/');
        expect(keys).toContain('whl/cu118/torch/index.html');
        expect(keys).toContain('whl/cu118/torch-2.9.0+cu118-py3-none-any.whl.metadata');
      });

      test.skipIf(!havePip() || !haveUv())('lets pip and uv install (needs pip and uv)', async () => {
        const directory = temporaryDirectory('installed');
        const pipDirectory = dirname(serverProgram('pip') ?? '');
        const run = await runShellBlock(documentBlock('actions/package-index/README.md#package-index:2'), {
          directory,
          replacements: { 'https://download.example.org': `${varnish?.url}/${bucket}` },
          environment: { UV_CACHE_DIR: join(directory, 'cache'), PIP_NO_CACHE_DIR: '1' },
          programs: {
            pip: `exec python3 '${pipDirectory}' "$@" --target ./by-pip`,
            uv: `exec '${serverProgram('uv')}' "$@" --target ./by-uv`,
          },
        });
        expect(run.exitCode, run.error).toBe(0);
        for (const place of ['by-pip', 'by-uv'])
          expect(readdirSync(join(directory, place))).toContain('torch.py');
      });
    });

    test('the workflow indexes what it has published, and invalidates the pages', async () => {
      const { fileName, bytes } = await makeWheel({ name: 'published', version: '1.0' });
      const run = await runExample('actions/package-index/README.md#after-a-publish', {
        ...options(),
        actions: ['cloudfront-invalidate', 'package-index', 's3-publish'],
        before: [],
        files: { Makefile: 'wheels:\n\ttrue\n', [`dist/cu118/${fileName}`]: bytes },
        variables: { PUBLISH_ROLE: world.minio.roleArn, DISTRIBUTION_ID: world.site.distributionId },
        replacements: {
          'my-bucket/whl': `${bucket}/published`,
          'path-prefix: /whl': `path-prefix: /${bucket}/published`,
        },
      });
      expect(run.exitCode, run.log).toBe(0);
      const { outputs = {} } = run.jobs['publish']?.steps['package-index'] ?? {};
      expect(outputs).toMatchObject({ projects: '1' });
      expect(await objects.list('published/cu118/published/')).toEqual([
        'published/cu118/published/index.html',
        'published/cu118/published/index.json',
      ]);
      const invalidation = world.site.controlPlane.invalidations.at(-1);
      expect(invalidation?.status).toBe('Completed');
      const paths = [
        'cu118/',
        'cu118/index.html',
        'cu118/index.json',
        // What was published before is not invalidated yet either.
        `cu118/${fileName}`,
        'cu118/published/',
        'cu118/published/index.html',
        'cu118/published/index.json',
      ];
      expect(invalidation?.paths).toEqual(paths.map((path) => `/${bucket}/published/${path}`));
    });

    test('a configuration has several prefixes', async () => {
      await store('config/whl/rocm6.4', 'torch', '2.9.1');
      await store('config/whl/nightly/cu118', 'torch', '2.10.0.dev20261128');
      await store('config/whl/nightly/cu118', 'other', '1.0');
      await objects.write('config/libtorch/cu118/libtorch-2.9.0.zip', 'zip');
      const configuration = withReplacements(
        documentBlock('actions/package-index/README.md#a-configuration').text,
        { 's3://my-bucket': `s3://${bucket}/config` },
      );
      const run = await runExample('actions/package-index/README.md#a-configuration:2', {
        ...options(),
        files: { 'package-index.yml': configuration, 'nightly-packages.txt': 'torch\n' },
        replacements: { [publishRole]: world.minio.roleArn },
      });
      expect(run.exitCode, run.log).toBe(0);
      const pages = (await objects.list('config/')).filter((key) => key.endsWith('index.html'));
      expect(pages.map((key) => key.slice('config/'.length))).toEqual([
        'libtorch/cu118/index.html',
        'libtorch/index.html',
        'whl/cu130/index.html',
        'whl/nightly/cu118/index.html',
        'whl/nightly/cu118/torch/index.html',
        'whl/rocm6.4/index.html',
        'whl/rocm6.4/torch/index.html',
      ]);
      expect(await objects.read('config/whl/rocm6.4/torch/index.html')).toContain(
        'data-yanked="it does not import on Windows"',
      );
    });
  },
);
