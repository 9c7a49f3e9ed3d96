// Slow: about 20 s.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  GitHubDouble,
  haveCdnSite,
  haveGh,
  haveWorkflowRunner,
  makeKey,
  serverProgram,
  temporaryDirectory,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  checkout,
  type ExampleOptions,
  jobsOfBlock,
  runExample,
  type Step,
  stepsOfBlock,
} from './example-workflow.ts';
import { startTrustingSite, type TrustingSite } from './trusting-site.ts';

const secret = randomBytes(32).toString('hex');
const role = 'arn:aws:iam::123456789012:role/publish-downloads';
const files = {
  'dist/app-linux-x64.zip': 'for Linux',
  'dist/app-macos.zip': 'for macOS',
  'dist/app-windows-x64.zip': 'for Windows',
};

describe.skipIf(!haveWorkflowRunner() || !haveCdnSite())(
  'workflows of downloads under secret paths (needs act, minio and varnishd)',
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
      actions: ['cloudfront-invalidate', 'download-publish'],
      files,
      secrets: { DOWNLOAD_SECRET: secret },
      environment: issuer.environment,
      inputs: services,
    });
    /** The bucket of the examples, which is the root of its CDN there. */
    const placed = (prefix: string) => ({
      's3://example-downloads': `s3://${site.bucket}/${prefix}`,
      'https://downloads.example.org': `${site.baseUrl}/${prefix}`,
    });

    test('the steps of download-publish publish, verify, and invalidate what was replaced', async () => {
      const here = { ...placed('steps'), [role]: minio.roleArn };
      const steps = [
        checkout,
        ...stepsOfBlock('actions/download-publish/README.md#download-publish', here),
        ...stepsOfBlock('actions/download-publish/README.md#what-a-cdn-must-invalidate', here),
      ];
      const run = await runExample({ example: { steps } }, options());
      expect(run.exitCode, run.log).toBe(0);
      const { urls = '' } = run.jobs['example']?.steps['downloads']?.outputs ?? {};
      expect(urls.trim().split('\n')).toHaveLength(3);
      // One of each platform, in this window and the next.
      expect((await site.keys('steps/downloads/')).length).toBeGreaterThanOrEqual(6);
      expect(run.output).not.toContain(secret);
    });

    test.skipIf(!haveGh())('the scheduled workflow renews what the release has (needs gh)', async () => {
      // gh has no server here: a double records what it was asked, and the help of the real gh shows that it knows the flags.
      const gh = join(temporaryDirectory('gh'), 'gh');
      writeFileSync(
        gh,
        '#!/bin/sh\necho "gh was asked: $*"\n[ -n "$GH_TOKEN" ] && for last; do :; done && cp -r released "$last"\n',
        { mode: 0o755 },
      );
      const released = Object.entries(files).map(([path, text]) => [
        path.replace('dist/', 'released/'),
        text,
      ]);
      const run = await runExample(
        jobsOfBlock('actions/download-publish/README.md#keep-downloads-available', placed('scheduled')),
        {
          ...options(),
          before: [checkout],
          files: Object.fromEntries(released) as Readonly<Record<string, string>>,
          variables: { DOWNLOADS_ROLE: minio.roleArn },
          programs: [gh],
        },
      );
      expect(run.exitCode, run.log).toBe(0);
      expect((await site.keys('scheduled/downloads/')).length).toBeGreaterThanOrEqual(4);
      const asked = /gh was asked: (\S+ \S+) (.*)/.exec(run.log);
      const help = execFileSync(serverProgram('gh') ?? '', [...(asked?.[1]?.split(' ') ?? []), '--help'], {
        encoding: 'utf8',
      });
      for (const [flag] of asked?.[2]?.matchAll(/--[a-z-]+/g) ?? []) expect(help).toContain(flag);
    });

    test('behind a CDN with an origin path, the link omits the part of the key that the origin adds', async () => {
      const run = await runExample('actions/download-publish/README.md#a-cdn-with-an-origin-path', {
        ...options(),
        before: [checkout],
        replacements: {
          's3://example-site': `s3://${site.bucket}/site`,
          // Here the URL of the CDN contains what the origin path adds.
          'https://downloads.example.org': `${site.baseUrl}/site/downloads`,
          [role]: minio.roleArn,
        },
      });
      expect(run.exitCode, run.log).toBe(0);
      const [key = ''] = (await site.keys('site/downloads/')).filter((each) => each.endsWith('.zip'));
      expect(key).toMatch(/^site\/downloads\/\d+\/[0-9a-f]{16}\/linux-x64\/app-linux-x64\.zip$/);
    });

    test('the one step of download-release packs, signs, publishes, verifies and notifies', async () => {
      const key = await makeKey({ type: 'ed25519', passphrase: 'correct horse battery staple' });
      const github = await GitHubDouble.start();
      github.addRepository({ name: 'example/site' });
      const upload = (platform: string): Step => ({
        uses: 'actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f',
        with: { name: `build-${platform}`, path: `built/${platform}` },
      });
      const platforms = ['linux-x64', 'macos-x64', 'macos-arm64', 'windows-x64'];
      const run = await runExample('actions/download-release/README.md#download-release', {
        ...options(),
        actions: [
          'archive-pack',
          'artifact-sign',
          'cloudfront-invalidate',
          'download-publish',
          'download-release',
          'repository-dispatch',
        ],
        event: { name: 'push', ref: 'refs/tags/v1.0.0' },
        files: Object.fromEntries(
          platforms.map((platform) => [`built/${platform}/example-${platform}`, `for ${platform}`]),
        ),
        before: [checkout, ...platforms.map(upload)],
        environment: { ...issuer.environment, GITHUB_API_URL: github.url },
        secrets: {
          SIGNING_KEY: key.privateArmored,
          SIGNING_PASSPHRASE: key.passphrase ?? '',
          DOWNLOAD_SECRET: secret,
          DISPATCH_SECRET: randomBytes(32).toString('hex'),
          DISPATCH_TOKEN: github.addToken(),
        },
        replacements: { ...placed('whole'), [role]: minio.roleArn },
      });
      github.close();
      expect(run.exitCode, run.log).toBe(0);
      expect(github.events).toHaveLength(1);
      expect((await site.keys('whole/downloads/')).some((each) => each.endsWith('macos.zip.asc'))).toBe(true);
    });
  },
);
