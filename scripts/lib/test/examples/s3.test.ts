// Slow: about 20 s.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import {
  documentBlock,
  haveCdnSite,
  haveWorkflowRunner,
  issuedSubjects,
  s3Objects,
  serverProgram,
  startSeaweed,
  startTokenIssuer,
  withReplacements,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { checkout, type ExampleOptions, runExample, type Step, stepsOfBlock } from './example-workflow.ts';
import { startTrustingSite, type TrustingSite } from './trusting-site.ts';

const actions = ['cloudfront-invalidate', 's3-publish'];
const files = {
  'dist/index.html': '<title>Downloads</title>',
  'dist/latest.json': '{"version":"1.0"}',
  'dist/nightly/app.zip': 'of this night',
  'dist/v1.0/app.zip': 'the app',
};
const publishRole = 'arn:aws:iam::123456789012:role/publish';

/** The inputs of a block that shows only inputs. */
function inputsOfBlock(name: string, replacements = {}): Readonly<Record<string, string>> {
  return parse(withReplacements(documentBlock(name).text, replacements)) as Readonly<Record<string, string>>;
}

interface Policy {
  readonly Statement: readonly {
    readonly Action: string | readonly string[];
    readonly Condition?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  }[];
}

describe.skipIf(!haveWorkflowRunner() || !haveCdnSite())(
  'workflows that publish to S3 and invalidate a CDN (needs act, minio and varnishd)',
  () => {
    let world: TrustingSite | undefined;
    let issuer: TrustingSite['issuer'];
    let minio: TrustingSite['minio'];
    let site: TrustingSite['site'];
    let services: TrustingSite['inputs'];

    beforeAll(async () => {
      world = await startTrustingSite({ hasRegion: false });
      ({ issuer, minio, site, inputs: services } = world);
    });
    afterAll(() => world?.stop());

    const options = (): ExampleOptions => ({
      actions,
      files,
      environment: issuer.environment,
      before: [checkout],
      inputs: services,
    });
    /** A step that publishes all files below `prefix`, with the inputs that a block shows. */
    const publishing = (prefix: string, shown: Readonly<Record<string, string>>): Step => ({
      id: 'publish',
      uses: 'your-org/slipway/actions/s3-publish@v1',
      with: { source: 'dist', destination: `s3://${site.bucket}/${prefix}`, ...shown },
    });
    const head = (key: string) =>
      fetch(`${site.minio.endpointUrl}/${site.bucket}/${key}`, { method: 'HEAD' });

    test('the first step of s3-publish stores files with its caching rules, pointers last', async () => {
      const run = await runExample('actions/s3-publish/README.md#s3-publish', {
        ...options(),
        replacements: { 'my-bucket/downloads': `${site.bucket}/first`, [publishRole]: minio.roleArn },
      });
      expect(run.exitCode, run.log).toBe(0);
      expect(run.jobs['example']?.steps['publish']?.outputs).toMatchObject({ uploaded: '4' });
      const caching = async (key: string) => (await head(`first/${key}`)).headers.get('cache-control');
      expect(await caching('latest.json')).toBe('no-cache');
      expect(await caching('v1.0/app.zip')).toBe('public, max-age=31536000, immutable');
      expect(await caching('nightly/app.zip')).toBe('public, max-age=300');
    });

    test('the workflow of s3-publish publishes the build, and proves that the CDN serves it', async () => {
      const run = await runExample('actions/s3-publish/README.md#a-workflow-to-copy', {
        ...options(),
        before: [],
        event: { name: 'push', ref: 'refs/tags/v1.0' },
        files: { ...files, Makefile: 'dist:\n\techo made > dist/v1.0/made.txt\n.PHONY: dist\n' },
        variables: { PUBLISH_ROLE: minio.roleArn, DISTRIBUTION_ID: site.distributionId },
        replacements: {
          's3://my-bucket/downloads': `s3://${site.bucket}/downloads`,
          'https://downloads.example.org/downloads': `${site.baseUrl}/downloads`,
        },
      });
      expect(run.exitCode, run.log).toBe(0);
      expect(run.jobs['publish']?.steps['publish']?.outputs).toMatchObject({ uploaded: '5' });
      expect(site.controlPlane.invalidations.at(-1)?.status).toBe('Completed');
      expect(await (await fetch(`${site.baseUrl}/downloads/v1.0/made.txt`)).text()).toBe('made\n');
    });

    test('browsers get the headers of the rules for files that are already compressed', async () => {
      const shown = inputsOfBlock('actions/s3-publish/README.md#files-that-are-compressed-already');
      const { accessKeyId, secretAccessKey } = minio.credentials;
      const run = await runExample(
        {
          example: {
            steps: [
              publishing('compressed', {
                ...shown,
                'access-key-id': accessKeyId,
                'secret-access-key': secretAccessKey,
              }),
            ],
          },
        },
        {
          ...options(),
          files: {
            'dist/app.js.gz': gzipSync('a'),
            'dist/app.css.br': brotliCompressSync('b'),
            'dist/docs/deep/page.html': gzipSync('c'),
            'dist/index.html': 'd',
            'dist/app.tar.gz': gzipSync('e'),
          },
        },
      );
      expect(run.exitCode, run.log).toBe(0);
      const encoding = async (key: string) =>
        (await head(`compressed/${key}`)).headers.get('content-encoding');
      expect(await encoding('app.js.gz')).toBe('gzip');
      expect(await encoding('app.css.br')).toBe('br');
      expect(await encoding('docs/deep/page.html')).toBe('gzip');
      expect(await encoding('index.html')).toBeNull();
      expect(await encoding('app.tar.gz')).toBeNull();
    });

    test('the first step of cloudfront-invalidate invalidates paths and proves one', async () => {
      const [invalidate = {}] = stepsOfBlock(
        'actions/cloudfront-invalidate/README.md#cloudfront-invalidate',
        {
          '/downloads/': `/${site.bucket}/told/`,
          'https://cdn.example.org': site.cdn.url,
          [publishRole]: minio.roleArn,
        },
      );
      const run = await runExample(
        {
          example: {
            steps: [
              publishing('told', { 'role-to-assume': minio.roleArn }),
              // The block refers to a step of the reader's.
              {
                id: 'publish-hash',
                run: 'echo "latest-sha256=$(sha256sum dist/latest.json | cut -d " " -f 1)" >> "$GITHUB_OUTPUT"',
              },
              JSON.parse(
                JSON.stringify(invalidate).replace('steps.publish.outputs', 'steps.publish-hash.outputs'),
              ) as Step,
            ],
          },
        },
        options(),
      );
      expect(run.exitCode, run.log).toBe(0);
      expect(site.controlPlane.invalidations.at(-1)?.paths.toSorted()).toEqual([
        `/${site.bucket}/told/latest.json`,
        `/${site.bucket}/told/nightly/*`,
      ]);
    });

    test('the policy of cloudfront-invalidate allows exactly the operations that it uses', () => {
      const policy = JSON.parse(
        documentBlock('actions/cloudfront-invalidate/README.md#cloudfront-invalidate:2').text,
      ) as Policy['Statement'][number];
      const commands = execFileSync('grep', ['-rhoE', 'new sdk\\.[A-Za-z]+Command\\(', 'packages/aws/src'], {
        encoding: 'utf8',
        cwd: new URL('../../../..', import.meta.url),
      });
      const asked = [...commands.matchAll(/new sdk\.(\w+)Command/g)].map(([, name]) => `cloudfront:${name}`);
      const ours = asked.filter((name) => /Invalidation|Distribution/.test(name));
      expect([...policy.Action].sort()).toEqual([...new Set(ours)].sort());
    });

    test('the policy of the guide to credentials is enough to publish in parts, to publish again, and to delete', async () => {
      const { text } = documentBlock('docs/guides/aws-credentials.md#a-role:3');
      const limited = await minio.credentialsOfPolicy(withReplacements(text, { 'your-bucket': site.bucket }));
      const step = publishing('limited', {
        delete: 'extraneous',
        'part-size': '5MiB',
        'access-key-id': limited.accessKeyId,
        'secret-access-key': limited.secretAccessKey,
        'session-token': limited.sessionToken ?? '',
      });
      const publish = (of: Readonly<Record<string, string | Uint8Array>>) =>
        runExample({ example: { steps: [step] } }, { ...options(), files: of });
      const first = await publish({ ...files, 'dist/large.bin': randomBytes(6 * 2 ** 20) });
      expect(first.exitCode, first.log).toBe(0);
      const second = await publish(files);
      expect(second.exitCode, second.log).toBe(0);
      expect(second.jobs['example']?.steps['publish']?.outputs).toMatchObject({
        uploaded: '0',
        deleted: '1',
      });
    });

    test('the inputs for other services than AWS reach them: with keys, as for R2, and with a role of MinIO', async () => {
      const { accessKeyId, secretAccessKey } = minio.credentials;
      const r2 = inputsOfBlock('docs/guides/aws-credentials.md#keys-and-services-other-than-aws', {
        'https://ACCOUNT.r2.cloudflarestorage.com': minio.endpointUrl,
      });
      const role = inputsOfBlock('docs/guides/aws-credentials.md#keys-and-services-other-than-aws:2', {
        'https://minio.example.org': minio.endpointUrl,
      });
      // The guide shows the role that MinIO derives from the audience.
      expect(role['role-to-assume']).toBe(minio.roleArn);
      const run = await runExample(
        { r2: { steps: [publishing('r2', r2)] }, minio: { steps: [publishing('minio', role)] } },
        {
          ...options(),
          // R2 accepts the bucket in the host or in the path, MinIO without a domain only in the path.
          inputs: { 'force-path-style': 'true' },
          secrets: { R2_ACCESS_KEY_ID: accessKeyId, R2_SECRET_ACCESS_KEY: secretAccessKey },
        },
      );
      expect(run.exitCode, run.log).toBe(0);
      for (const prefix of ['r2/', 'minio/'])
        expect(await site.keys(prefix)).toContain(`${prefix}v1.0/app.zip`);
    });
  },
);

describe.skipIf(!haveWorkflowRunner() || serverProgram('weed') === undefined)(
  'the role of the guide to credentials (needs act and weed)',
  () => {
    test("is given to the guide's workflow by the guide's trust policy, and to no other repository", async () => {
      const issuer = await startTokenIssuer();
      const policy = JSON.parse(
        withReplacements(documentBlock('docs/guides/aws-credentials.md#a-role:2').text, {
          'your-org': 'example-org',
        }),
      ) as Policy;
      const conditions = policy.Statement[0]?.Condition?.['StringEquals'] ?? {};
      // SeaweedFS has its own name for the claims that AWS names after the provider.
      const own = Object.entries(conditions).map(([name, value]) => [
        name.replace('token.actions.githubusercontent.com:', 'oidc:'),
        value,
      ]);
      expect(conditions['token.actions.githubusercontent.com:sub']).toBe(issuedSubjects.numbers);
      const seaweed = await startSeaweed({
        issuer: issuer.url,
        audience: conditions['token.actions.githubusercontent.com:aud'] ?? '',
        roles: [{ name: 'publish-binaries', conditions: { StringEquals: Object.fromEntries(own) } }],
      });
      if (seaweed === undefined) throw new Error('it is installed, and does not start');
      const run = () =>
        runExample('docs/guides/aws-credentials.md#a-role', {
          actions: ['s3-publish'],
          files,
          before: [checkout],
          environment: issuer.environment,
          inputs: {
            'endpoint-url': seaweed.url,
            'sts-endpoint-url': seaweed.url,
            'force-path-style': 'true',
          },
          replacements: {
            'example-binaries': seaweed.bucket,
            'arn:aws:iam::123456789012:role/publish-binaries': seaweed.roleArn('publish-binaries'),
          },
        });
      const objects = s3Objects(seaweed, seaweed.keys);
      try {
        // It refuses requests until it has its bucket.
        await expect
          .poll(() => objects.write('ready', 'yes').then(() => true, String), { timeout: 30_000 })
          .toBe(true);
        issuer.change({ subject: 'numbers' });
        const good = await run();
        expect(good.exitCode, good.log).toBe(0);
        expect(await objects.read('downloads/latest.json')).toBe(files['dist/latest.json']);
        issuer.change({ subject: { text: 'repo:example-org@1234567/other@1:ref:refs/heads/main' } });
        const other = await run();
        expect(other.exitCode).toBe(1);
        expect(other.log).toContain('AccessDenied');
      } finally {
        await seaweed.stop();
        issuer.close();
      }
    }, 120_000);
  },
);
