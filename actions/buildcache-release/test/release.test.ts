// Slow: about 50 s.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  type CdnSite,
  compositeResults,
  copyOfRelease,
  copyOfSpackFixture,
  filesBelow,
  haveCdnSite,
  haveWorkflowRunner,
  makeKey,
  outputsSeen,
  outputsStep,
  type ReleaseCopy,
  runWorkflow,
  secretsFound,
  secretsOfKey,
  stagePackages,
  startCdnSite,
  type TestKey,
  temporaryDirectory,
  type WorkflowRun,
  type WorkflowRunOptions,
  workspaceSeen,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const path = '.github/workflows/publish.yml';
const passphrase = 'correct horse battery staple';
const inner = ['sign', 'publish', 'invalidate', 'verify'] as const;

/** A workflow as users write it; it prints every output of the action and the workspace afterwards. */
const workflow = `
name: publish
on: push
jobs:
  publish:
    runs-on: ubuntu-latest
    env:
      SHIM: \${{ vars.SHIM }}
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
      - id: before
        run: |
          if [ -n "$SHIM" ]; then bash -c "$SHIM"; fi
      - uses: your-org/slipway/actions/buildcache-release@v1
        id: release
        with:
          buildcache: staged
          mirror: s3://\${{ vars.BUCKET }}/\${{ vars.PREFIX }}
          trusted-keys: \${{ vars.TRUSTED_KEYS }}
          signing-key: \${{ secrets.SIGNING_KEY }}
          passphrase: \${{ secrets.SIGNING_PASSPHRASE }}
          endpoint-url: \${{ vars.ENDPOINT_URL }}
          force-path-style: true
          access-key-id: \${{ vars.ACCESS_KEY_ID }}
          secret-access-key: \${{ secrets.SECRET_ACCESS_KEY }}
          session-token: \${{ secrets.SESSION_TOKEN }}
          distribution-id: \${{ vars.DISTRIBUTION_ID }}
          cloudfront-endpoint-url: \${{ vars.CLOUDFRONT_URL }}
          path-prefix: /\${{ vars.BUCKET }}/\${{ vars.PREFIX }}
          base-url: \${{ vars.CDN_URL }}
          verify-url: \${{ vars.CDN_URL }}/\${{ vars.BUCKET }}/\${{ vars.PREFIX }}
          require-signed-index: true
          allow-unsigned: \${{ vars.ALLOW_UNSIGNED }}
          level: full
          skip: \${{ vars.SKIP }}
          dry-run: \${{ vars.DRY_RUN }}${outputsStep('release')}`;

interface Emptied {
  readonly secret: string;
  readonly variables?: Readonly<Record<string, string>>;
  readonly error: string;
}

describe.skipIf(!haveWorkflowRunner() || !haveCdnSite())(
  'buildcache-release in a workflow (needs act, minio and varnishd)',
  () => {
    let site: CdnSite;
    let key: TestKey;
    let release: ReleaseCopy;
    let runs = 0;

    beforeAll(async () => {
      site = await startCdnSite();
      key = await makeKey({ type: 'ed25519', passphrase });
      release = copyOfRelease([
        'buildcache-release',
        'buildcache-sign',
        'buildcache-publish',
        'cloudfront-invalidate',
        'buildcache-verify',
      ]);
    });
    afterAll(() => site?.stop());

    const secrets = (): Readonly<Record<string, string>> => ({
      SIGNING_KEY: key.privateArmored,
      SIGNING_PASSPHRASE: passphrase,
      SECRET_ACCESS_KEY: site.minio.credentials.secretAccessKey,
    });

    async function run(
      prefix: string,
      variables: Readonly<Record<string, string>> = {},
      options: Partial<WorkflowRunOptions> = {},
    ): Promise<WorkflowRun> {
      const { accessKeyId, secretAccessKey } = site.minio.credentials;
      runs += 1;
      const result = await runWorkflow({
        files: { [path]: workflow, ...filesBelow(copyOfSpackFixture('v3-unsigned'), 'staged/') },
        workflow: path,
        event: { name: 'push' },
        runId: String(1_000 + runs),
        repositories: release.repositories,
        secrets: secrets(),
        ...options,
        variables: {
          BUCKET: site.bucket,
          PREFIX: prefix,
          TRUSTED_KEYS: key.fingerprint,
          ENDPOINT_URL: site.minio.endpointUrl,
          ACCESS_KEY_ID: accessKeyId,
          DISTRIBUTION_ID: site.distributionId,
          CLOUDFRONT_URL: site.controlPlane.url,
          CDN_URL: site.cdn.url,
          DRY_RUN: 'false',
          SHIM: '',
          SKIP: '',
          ...variables,
        },
      });
      expect(secretsFound(result.output, [...secretsOfKey(key), secretAccessKey]), 'I7').toEqual([]);
      return result;
    }

    const resultsOf = (result: WorkflowRun) => compositeResults(result, 'publish', 'release', inner);
    const outputsOf = (result: WorkflowRun) => outputsSeen(result, 'publish');
    const allGood = { sign: 'success', publish: 'success', invalidate: 'success', verify: 'success' };

    it('signs, publishes, invalidates and verifies, and passes every output on; a second run publishes nothing', async () => {
      const first = await run('whole');
      expect(first.exitCode, first.log).toBe(0);
      expect(resultsOf(first)).toEqual(allGood);
      const outputs = outputsOf(first);
      const declared = parse(copiedActionYaml()) as { outputs: Record<string, unknown> };
      expect(Object.keys(outputs).sort()).toEqual(Object.keys(declared.outputs).sort());
      expect(outputs).toMatchObject({
        'sign-signed': '5',
        'publish-published': '5',
        'publish-blobs-uploaded': '10',
        'invalidate-status': 'Completed',
        'invalidate-proven': '1',
        'verify-verified': 'true',
        'verify-index-checksum': outputs['publish-index-checksum'],
      });
      expect(workspaceSeen(first, 'publish')).not.toContain('.slipway-actions');

      const again = await run('whole');
      expect(again.exitCode, again.log).toBe(0);
      expect(outputsOf(again)).toMatchObject({ 'publish-published': '0', 'publish-blobs-uploaded': '0' });
    });

    /** Inputs that must be secrets, judging by their uses. */
    function declaredSecrets(): readonly string[] {
      const readme = readFileSync(fileURLToPath(new URL('../README.md', import.meta.url)), 'utf8');
      return [...readme.matchAll(/^\| `([\w-]+)` .* \((?:secret|token|passphrase)\) +\|/gm)]
        .map(([, name = '']) => name)
        .sort();
    }

    function copiedActionYaml(): string {
      const files = filesBelow(`${release.directory}/actions/buildcache-release`);
      return Buffer.from(files['action.yml'] ?? '').toString('utf8');
    }

    it('works without a CDN: nothing is invalidated', async () => {
      const result = await run('plain', { SKIP: 'invalidate' });
      expect(result.exitCode, result.log).toBe(0);
      expect(resultsOf(result)).toEqual({ sign: 'success', publish: 'success', verify: 'success' });
    });

    it('stops at a step that fails, and cleans up: an untrusted key signs nothing', async () => {
      const stranger = await makeKey({ type: 'ed25519' });
      const result = await run('stranger', { TRUSTED_KEYS: stranger.fingerprint });
      expect(result.exitCode).toBe(1);
      expect(resultsOf(result)).toEqual({ sign: 'failure' });
      expect(result.jobs['publish']?.steps['release']?.result).toBe('failure');
      expect(workspaceSeen(result, 'publish')).not.toContain('.slipway-actions');
      expect(await site.keys('stranger/')).toEqual([]);
    });

    it('I7: keeps the key and the passphrase to itself when they are wrong', async () => {
      for (const wrong of [
        { SIGNING_KEY: key.privateArmored.slice(0, -200) },
        { SIGNING_PASSPHRASE: `${passphrase}!` },
      ]) {
        const result = await run('wrong', {}, { secrets: { ...secrets(), ...wrong } });
        expect(result.exitCode).toBe(1);
        expect(resultsOf(result)).toEqual({ sign: 'failure' });
      }
    });

    it('signs neither entries nor the index if sign is skipped by name', async () => {
      const result = await run('skipped', {
        SKIP: 'sign, invalidate, verify',
        ALLOW_UNSIGNED: 'true',
        TRUSTED_KEYS: key.publicArmored,
      });
      expect(result.exitCode, result.log).toBe(0);
      expect(resultsOf(result)).toEqual({ publish: 'success' });
      expect(outputsOf(result)).toMatchObject({ 'publish-published': '5' });
    });

    // A workflow that passes a deleted secret passes an empty text.
    const emptied: Readonly<Record<string, Emptied>> = {
      'signing-key': { secret: 'SIGNING_KEY', error: 'sign needs signing-key' },
      passphrase: { secret: 'SIGNING_PASSPHRASE', error: 'passphrase' },
      'secret-access-key': {
        secret: 'SECRET_ACCESS_KEY',
        error:
          'publish needs access-key-id and secret-access-key, or no access-key-id and no secret-access-key',
      },
      'session-token': {
        secret: 'SESSION_TOKEN',
        variables: { ACCESS_KEY_ID: 'ASIAIOSFODNN7EXAMPLE' },
        error: 'access-key-id belongs to temporary keys, but session-token is not given',
      },
    };

    it('has no secrets other than those tried empty', () => {
      expect(declaredSecrets()).toEqual(Object.keys(emptied).sort());
    });

    it.each(Object.entries(emptied))(
      'I4: an empty %s is an error that names it, and publishes nothing',
      async (name, { secret, variables, error }) => {
        const prefix = `empty-${name}`;
        for (const blank of ['', ' \n']) {
          const result = await run(prefix, variables, { secrets: { ...secrets(), [secret]: blank } });
          expect(result.exitCode).toBe(1);
          expect(result.log).toContain(error);
          expect(resultsOf(result)['verify']).toBeUndefined();
        }
        expect(await site.keys(`${prefix}/`)).toEqual([]);
      },
    );

    it.each([
      ['DISTRIBUTION_ID', 'invalidate needs distribution-id'],
      ['CDN_URL', 'prove needs base-url'],
    ])('is told of an empty %s, before it signs anything', async (variable, error) => {
      const result = await run('empty', { [variable]: '' });
      expect(result.exitCode).toBe(1);
      expect(result.log).toContain(error);
      expect(resultsOf(result)).toEqual({});
    });

    it('writes nothing in a dry run, and says what it skipped', async () => {
      const result = await run('dry', { DRY_RUN: 'Yes' });
      expect(result.exitCode, result.log).toBe(0);
      expect(resultsOf(result)).toEqual({ sign: 'success' });
      const { log = '' } = result.jobs['publish']?.steps['release'] ?? {};
      for (const id of ['publish', 'invalidate', 'verify'])
        expect(log).toContain(`Dry run: ${id} did not run`);
      expect(await site.keys('dry/')).toEqual([]);
      const unclear = await run('dry', { DRY_RUN: 'perhaps' });
      expect(unclear.exitCode).toBe(1);
      expect(resultsOf(unclear)).toEqual({});
      expect(await site.keys('dry/')).toEqual([]);
    });

    it.each([
      [
        'a directory with an action',
        'mkdir -p .slipway-actions/buildcache-sign && cp hostile.yml .slipway-actions/buildcache-sign/action.yml',
      ],
      ['a link to a directory', 'ln -s "$PWD/precious" .slipway-actions'],
      ['a link to nowhere', 'ln -s nowhere .slipway-actions'],
      ['a file', 'echo hello > .slipway-actions'],
    ])('never uses what the workspace has as .slipway-actions: %s', async (_, shim) => {
      const files = {
        [path]: workflow,
        ...filesBelow(copyOfSpackFixture('v3-unsigned'), 'staged/'),
        'precious/file': 'precious',
        'hostile.yml':
          'name: hostile\nruns:\n  using: composite\n  steps:\n    - run: echo HOSTILE\n      shell: bash\n',
      };
      const look = 'trap "cat precious/file; echo; ls -A precious" EXIT';
      const result = await run('hostile', { SHIM: `${look}\n${shim}`, SKIP: 'invalidate' }, { files });
      expect(result.exitCode, result.log).toBe(0);
      expect(result.output).not.toContain('HOSTILE');
      const log = workspaceSeen(result, 'publish');
      expect(log).toContain('precious');
      expect(log).not.toContain('.slipway-actions');
    });

    it('fails before its first step if .slipway-actions in the workspace cannot be removed', async () => {
      const shim = `mkdir -p shims .slipway-actions/buildcache-sign && cp hostile.yml .slipway-actions/buildcache-sign/action.yml
        printf '#!/bin/sh\\nexit 1\\n' > shims/rm && chmod +x shims/rm && echo "$PWD/shims" >> "$GITHUB_PATH"`;
      const files = {
        [path]: workflow,
        'hostile.yml':
          'name: hostile\nruns:\n  using: composite\n  steps:\n    - run: echo HOSTILE\n      shell: bash\n',
      };
      const result = await run('stuck', { SHIM: shim }, { files });
      expect(result.exitCode).toBe(1);
      expect(resultsOf(result)).toEqual({});
      expect(result.output).not.toContain('HOSTILE');
      expect(result.log).toContain('.slipway-actions in the workspace cannot be replaced');
    });

    it.each(inner)('I5: killed in the step %s and run again, completes', async (victim) => {
      const prefix = `killed-${victim}`;
      const killed = await run(
        prefix,
        {},
        {
          onEntry: ({ step, isOutput }, kill) => {
            if (step === `release/${victim}` && isOutput) kill();
          },
        },
      );
      expect(killed.exitCode).toBeNull();
      const again = await run(prefix);
      expect(again.exitCode, again.log).toBe(0);
      expect(resultsOf(again)).toEqual(allGood);
      expect(outputsOf(again)).toMatchObject({ 'verify-verified': 'true', 'verify-entries': '5' });
    });

    it('I3: two concurrent runs with different packages lose nothing', async () => {
      const staged = async (name: string) => {
        const directory = temporaryDirectory(name);
        await stagePackages(directory, { count: 3, prefix: name });
        return { files: { [path]: workflow, ...filesBelow(directory, 'staged/') } };
      };
      const both = await Promise.all([
        run('both', { SKIP: 'invalidate' }, await staged('one')),
        run('both', { SKIP: 'invalidate' }, await staged('two')),
      ]);
      for (const result of both) expect(resultsOf(result), result.log).toMatchObject({ publish: 'success' });
      const last = await run('both', {}, await staged('one'));
      expect(outputsOf(last), last.log).toMatchObject({ 'verify-verified': 'true', 'verify-entries': '6' });
    }, 300_000);
  },
);
