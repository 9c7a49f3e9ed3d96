// Slow: about 30 s.
import { pathToFileURL } from 'node:url';
import {
  copyOfSpackFixture,
  filesBelow,
  haveCdnSite,
  haveWorkflowRunner,
  makeKey,
  serveDirectory,
  stageHonestMirror,
  type TestKey,
  temporaryDirectory,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expression } from '../../chain.ts';
import {
  actionsDouble,
  checkout,
  type ExampleOptions,
  jobsOfBlock,
  runExample,
  stepsOfBlock,
} from './example-workflow.ts';
import { startTrustingSite, type TrustingSite } from './trusting-site.ts';

const passphrase = 'correct horse battery staple';
const actions = [
  'buildcache-index',
  'buildcache-publish',
  'buildcache-release',
  'buildcache-sign',
  'buildcache-verify',
  'cloudfront-invalidate',
];
const minutesMs = 60_000;

describe.skipIf(!haveWorkflowRunner())('workflows of buildcaches (needs act)', () => {
  let key: TestKey;
  let secrets: Readonly<Record<string, string>>;
  let secretsOfBlocks: Readonly<Record<string, string>>;
  let staged: Readonly<Record<string, Uint8Array>>;
  let twin: string;
  let variables: Readonly<Record<string, string>>;

  beforeAll(async () => {
    key = await makeKey({ type: 'ed25519', passphrase });
    const index = await makeKey({ type: 'ed25519' });
    const locked = await makeKey({ type: 'ed25519', passphrase });
    secrets = {
      SIGNING_KEY: key.privateArmored,
      SIGNING_PASSPHRASE: passphrase,
      INDEX_KEY: index.privateArmored,
    };
    // In the blocks of single actions the index key has no passphrase.
    secretsOfBlocks = { ...secrets, INDEX_KEY: locked.privateArmored, INDEX_PASSPHRASE: passphrase };
    const trusted = [key, index, locked].map(({ publicArmored }) => publicArmored);
    variables = { TRUSTED_KEYS: trusted.join('\n') };
    const honest = await stageHonestMirror();
    staged = filesBelow(honest.directory, 'staged/');
    twin = honest.twins[0].hash;
  });

  test(
    'the steps of the READMEs sign, publish, rebuild, make a view, verify what is served, and audit it',
    async () => {
      const directory = temporaryDirectory('mirror');
      const mirror = pathToFileURL(directory).href;
      const server = await serveDirectory(directory);
      const local = { 'file:///srv/binaries/spack': mirror };
      const jobs = {
        publish: {
          outputs: { 'index-checksum': expression('steps.publish.outputs.index-checksum') },
          steps: [
            checkout,
            ...stepsOfBlock('actions/buildcache-sign/README.md#buildcache-sign'),
            ...stepsOfBlock('actions/buildcache-publish/README.md#buildcache-publish', {
              ...local,
              '${{ runner.temp }}/signed': 'staged',
            }),
            ...stepsOfBlock('actions/buildcache-index/README.md#buildcache-index', local),
            ...stepsOfBlock('actions/buildcache-index/README.md#views', {
              ...local,
              'hdf5@1.14.*': 'twin@*',
              'py-*': 'zlib*',
              '/jf6w6f4dm3sebnr7': `/${twin.slice(0, 16)}`,
            }),
          ],
        },
        verify: {
          needs: 'publish',
          steps: stepsOfBlock('actions/buildcache-verify/README.md#buildcache-verify', {
            'https://binaries.example.org/spack': server.url,
          }),
        },
        audit: {
          needs: 'publish',
          ...jobsOfBlock('actions/buildcache-verify/README.md#buildcache-verify:2', local)['audit'],
        },
      };
      const sarif = actionsDouble({
        'upload-sarif': {
          name: 'upload-sarif (double)',
          description: 'A double.',
          inputs: { sarif_file: { required: true, description: 'What is uploaded.' } },
          runs: {
            using: 'composite',
            steps: [
              {
                run: 'node -e "console.log(\'rules\', JSON.parse(require(\'fs\').readFileSync(process.argv[1])).version)" "$FILE"',
                shell: 'bash',
                env: { FILE: expression('inputs.sarif_file') },
              },
            ],
          },
        },
      });
      const run = await runExample(jobs, {
        actions,
        files: staged,
        secrets,
        variables,
        repositories: { 'github/codeql-action@8aad20d150bbac5944a9f9d289da16a4b0d87c1e': sarif },
      });
      server.close();
      expect(run.exitCode, run.log).toBe(0);
      expect(run.jobs['publish']?.steps['publish']?.outputs).toMatchObject({ published: '7' });
      expect(run.jobs['audit']?.steps['verify']?.outputs).toMatchObject({ verified: 'true', entries: '7' });
      expect(run.jobs['audit']?.log).toContain('rules 2.1.0');
      expect(Object.keys(filesBelow(directory))).toContain('v3/manifests/index/stable/index.manifest.json');
    },
    2 * minutesMs,
  );

  test('the five lines of the README sign, publish and verify', async () => {
    const directory = temporaryDirectory('mirror');
    const run = await runExample('README.md#five-lines-instead-of-a-page', {
      actions,
      files: staged,
      secrets: { SIGNING_KEY: secrets['INDEX_KEY'] ?? '' },
      variables,
      before: [checkout],
      replacements: { 's3://example-binaries/spack': pathToFileURL(directory).href },
    });
    expect(run.exitCode, run.log).toBe(0);
    const stored = Object.entries(filesBelow(directory));
    const entries = stored.filter(([path]) => path.endsWith('.spec.manifest.json'));
    expect(entries).toHaveLength(7);
    for (const [, bytes] of entries)
      expect(Buffer.from(bytes).toString()).toContain('BEGIN PGP SIGNED MESSAGE');
    expect(run.log).toContain('Checked 7 entries');
  });

  describe.skipIf(!haveCdnSite())('on S3 behind a CDN (needs minio and varnishd)', () => {
    let world: TrustingSite | undefined;
    let issuer: TrustingSite['issuer'];
    let minio: TrustingSite['minio'];
    let site: TrustingSite['site'];
    let services: TrustingSite['inputs'];

    beforeAll(async () => {
      world = await startTrustingSite();
      ({ issuer, minio, site, inputs: services } = world);
    });
    afterAll(() => world?.stop());

    /** The placeholders of the blocks, and what stands in for them here. */
    function replacements(prefix: string, cdn: string, role: string): Readonly<Record<string, string>> {
      return {
        's3://example-binaries/spack': `s3://${site.bucket}/${prefix}`,
        'path-prefix: /spack': `path-prefix: /${site.bucket}/${prefix}`,
        [`${cdn}/spack`]: `${site.baseUrl}/${prefix}`,
        [cdn]: site.cdn.url,
        [`arn:aws:iam::123456789012:role/${role}`]: minio.roleArn,
        'eu-central-1': 'us-east-1',
      };
    }

    const options = (): ExampleOptions => ({
      actions,
      secrets,
      variables,
      environment: issuer.environment,
      inputs: services,
    });

    test(
      'the workflow of the guide builds, signs, publishes, invalidates the CDN, and verifies what clients get',
      async () => {
        const spack = actionsDouble({
          '.': {
            name: 'setup-spack (double)',
            description: 'A double: its spack has built what the fixture holds.',
            inputs: Object.fromEntries(
              ['spack_ref', 'packages_ref', 'buildcache'].map((name) => [name, { description: name }]),
            ),
            runs: {
              using: 'composite',
              steps: [
                {
                  shell: 'bash',
                  run: [
                    'mkdir "$RUNNER_TEMP/spack" && echo "$RUNNER_TEMP/spack" >> "$GITHUB_PATH"',
                    'cat > "$RUNNER_TEMP/spack/spack" <<\'END\'',
                    '#!/bin/sh',
                    'case "$*" in',
                    '  "-e . install") ;;',
                    '  "-e . buildcache push --unsigned --without-build-dependencies ./staged") cp -r built staged ;;',
                    '  *) echo "spack $* is not doubled" >&2; exit 1 ;;',
                    'esac',
                    'END',
                    'chmod +x "$RUNNER_TEMP/spack/spack"',
                  ].join('\n'),
                },
              ],
            },
          },
        });
        const run = await runExample('docs/guides/publish-a-buildcache.md#publish-a-buildcache', {
          ...options(),
          secrets: secretsOfBlocks,
          files: filesBelow(copyOfSpackFixture('v3-unsigned'), 'built/'),
          replacements: replacements('guide', 'https://binaries.example.org', 'publish-binaries'),
          repositories: { 'spack/setup-spack@16b756799ede8b28951287f89bcd3fdb32ec1ca3': spack },
        });
        expect(run.exitCode, run.log).toBe(0);
        expect(Object.entries(run.jobs).map(([id, { result }]) => [id, result])).toEqual(
          ['build', 'sign', 'publish', 'verify'].map((id) => [id, 'success']),
        );
        expect(run.jobs['publish']?.steps['publish']?.outputs).toMatchObject({ published: '5' });
        expect(await site.keys('guide/v3/manifests/index/')).toHaveLength(1);
        expect(site.controlPlane.invalidations.at(-1)?.status).toBe('Completed');
      },
      2 * minutesMs,
    );

    test('the one step of buildcache-release does the same', async () => {
      const run = await runExample('actions/buildcache-release/README.md#buildcache-release', {
        ...options(),
        files: staged,
        replacements: replacements('release', 'https://binaries.example.org', 'publish-binaries'),
        // An earlier job has uploaded what Spack staged.
        before: [
          checkout,
          {
            uses: 'actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f',
            with: { name: 'staged', path: 'staged' },
          },
        ],
      });
      expect(run.exitCode, run.log).toBe(0);
      expect(await site.keys('release/v3/manifests/index/')).toHaveLength(1);
    });

    test('the job after a publish of cloudfront-invalidate publishes, invalidates, proves and verifies', async () => {
      const run = await runExample('actions/cloudfront-invalidate/README.md#after-a-publish', {
        ...options(),
        files: staged,
        before: [checkout, ...stepsOfBlock('actions/buildcache-sign/README.md#buildcache-sign')],
        replacements: {
          ...replacements('after', 'https://cdn.example.org', 'publish'),
          '${{ runner.temp }}/signed': 'staged',
        },
      });
      expect(run.exitCode, run.log).toBe(0);
    });
  });
});
