// Slow: about 60 s.
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, globSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import {
  artifactActionDoublesIn,
  haveGh,
  haveWorkflowRunner,
  makeKey,
  ReleasesDouble,
  runWorkflow,
  serverProgram,
  temporaryDirectory,
  type WorkflowRun,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { root } from '../workspace.ts';
import { changeset, ReleaseRepository } from './release-repository.ts';

const owner = 'example/slipway';
const workflow = '.github/workflows/release.yml';
const passphrase = 'correct horse battery staple';
const npmCache = process.env['npm_config_cache'] ?? join(homedir(), '.npm');
type Refs = Readonly<Record<string, string>>;

/** Stands for `scripts/bundle`, which takes minutes: it takes the bundles that are here. */
const bundleDouble = `#!/usr/bin/env bash
set -eu
for name in "$@"; do cp -R '${root}/actions/'"$name/dist" "actions/$name/"; done
mkdir -p .cache
cp -R '${root}/.cache/bundles' .cache/
`;

/** Stands for GitHub's attestations: notes what it is to attest, or fails. */
function attestDouble(notes: string, failure: string): Readonly<Record<string, string>> {
  const directory = temporaryDirectory('attest-double');
  const action = {
    name: 'attest-build-provenance (double)',
    description: 'A double.',
    inputs: { 'subject-checksums': { description: 'subject-checksums' } },
    runs: { using: 'node24', main: 'index.mjs' },
  };
  writeFileSync(join(directory, 'action.yml'), JSON.stringify(action));
  writeFileSync(
    join(directory, 'index.mjs'),
    `import { appendFileSync, existsSync, readFileSync } from 'node:fs';
if (existsSync(${JSON.stringify(failure)})) throw new Error('no attestation today');
appendFileSync(${JSON.stringify(notes)}, readFileSync(process.env['INPUT_SUBJECT-CHECKSUMS']));
`,
  );
  const uses = /\buses: (actions\/attest-build-provenance@\S+)/.exec(
    readFileSync(join(root, workflow), 'utf8'),
  );
  return { [uses?.[1] ?? '']: directory };
}

describe.skipIf(!haveWorkflowRunner() || !haveGh())('release.yml (needs act and gh)', () => {
  const repository = new ReleaseRepository({ '.changeset/news.md': changeset('minor', 'Something new.') });
  const artifacts = temporaryDirectory('artifacts');
  const attested = join(temporaryDirectory('attested'), 'checksums');
  const failure = join(temporaryDirectory('failure'), 'fail');
  const remoteRefs = (): Refs => repository.refs(repository.remote);
  let releases: ReleasesDouble;
  let signingKey: string;
  let runs = 0;

  beforeAll(async () => {
    symlinkSync(join(root, 'node_modules'), join(repository.directory, 'node_modules'));
    repository.commit({ 'scripts/bundle': bundleDouble }, 'Bundles are taken, not built');
    repository.git('push', '--quiet', 'origin', 'main');
    signingKey = (await makeKey({ type: 'ed25519', passphrase })).privateArmored;
    releases = await ReleasesDouble.start(owner, {
      *[Symbol.iterator]() {
        for (const ref of Object.keys(remoteRefs())) yield ref.replace(/^refs\/tags\//, '');
      },
    });
  });
  afterAll(() => releases?.close());

  /** Runs the workflow for 0.1.0 on what the remote's main is, as the button does. */
  function release(onJob: (job: string) => void = () => {}): Promise<WorkflowRun> {
    const text = readFileSync(join(root, workflow), 'utf8');
    const seen = new Set<string>();
    runs += 1;
    return runWorkflow({
      files: {},
      clone: repository.remote,
      workflow,
      event: { name: 'workflow_dispatch' },
      inputs: { version: '0.1.0' },
      repository: owner,
      runId: String(runs),
      secrets: { RELEASE_SIGNING_KEY: signingKey, RELEASE_SIGNING_PASSPHRASE: passphrase },
      // pnpm, which lists what is bundled, is in npm's cache: it installed this clone.
      environment: { ...releases.environment, npm_config_cache: npmCache, npm_config_prefer_offline: 'true' },
      programs: [serverProgram('gh') ?? ''],
      repositories: { ...artifactActionDoublesIn(artifacts, [text]), ...attestDouble(attested, failure) },
      onEntry: ({ job }) => {
        if (!seen.has(job)) onJob(job);
        seen.add(job);
      },
    });
  }

  function resultsOf({ jobs }: WorkflowRun): Readonly<Record<string, string | undefined>> {
    return Object.fromEntries(Object.entries(jobs).map(([name, { result }]) => [name, result]));
  }

  test('leaves no tag and no release when a job before the last fails', async () => {
    const before = remoteRefs();
    writeFileSync(failure, '');
    const run = await release();
    expect(run.log).toContain('no attestation today');
    expect(resultsOf(run)).toMatchObject({ build: 'success', attest: 'failure' });
    expect(run.jobs['publish']?.result).not.toBe('success');
    expect(remoteRefs()).toEqual(before);
    expect(releases.changes).toEqual([]);
    rmSync(failure);
  }, 300_000);

  test('leaves no tag and no release when one of the tags is refused', async () => {
    const before = remoteRefs();
    const hook = join(repository.remote, 'hooks/update');
    writeFileSync(hook, '#!/bin/sh\ncase "$1" in refs/tags/v0) exit 1 ;; esac\n');
    chmodSync(hook, 0o755);
    const run = await release();
    expect(resultsOf(run)).toMatchObject({ build: 'success', attest: 'success', publish: 'failure' });
    expect(remoteRefs()).toEqual(before);
    expect(releases.changes).toEqual([]);
    rmSync(hook);
  }, 300_000);

  test('pushes the branch and both tags after all is built, signed and attested, and publishes the files', async () => {
    const before = remoteRefs();
    let whenPublishing: Refs | undefined;
    let signed = false;
    rmSync(attested, { force: true });
    const run = await release((job) => {
      if (job !== 'publish') return;
      whenPublishing = remoteRefs();
      signed = existsSync(join(artifacts, `${runs}/files/SHA256SUMS.asc`)) && existsSync(attested);
    });
    expect(run.exitCode, run.log).toBe(0);
    expect(whenPublishing).toEqual(before);
    expect(signed).toBe(true);

    const refs = remoteRefs();
    expect(Object.keys(refs)).toEqual(['refs/heads/main', 'refs/tags/v0', 'refs/tags/v0.1.0']);
    const git = (...args: readonly string[]): string =>
      execFileSync('git', args, { cwd: repository.remote, encoding: 'utf8' }).trim();
    expect(git('rev-parse', 'v0.1.0^{commit}', 'v0.1.0^')).toBe(
      `${refs['refs/tags/v0']}\n${refs['refs/heads/main']}`,
    );
    expect(git('log', '-1', '--format=%s by %an', 'main')).toBe('Slipway 0.1.0 by github-actions[bot]');
    expect(git('cat-file', '-e', 'v0:actions/s3-publish/dist/index.js')).toBe('');

    const files = join(artifacts, String(runs), 'files');
    const [only, ...more] = releases.releases;
    expect(more).toEqual([]);
    expect(only).toMatchObject({ tag: 'v0.1.0', isDraft: false });
    const assets = Object.fromEntries(
      [...(only?.assets ?? [])].map(([name, bytes]) => [name, bytes.toString('hex')]),
    );
    expect(assets).toEqual(
      Object.fromEntries(
        globSync('*', { cwd: files }).map((name) => [name, readFileSync(join(files, name), 'hex')]),
      ),
    );
    expect(Object.keys(assets)).toContain('slipway-0.1.0.tar.gz.asc');
    expect(readFileSync(attested, 'utf8')).toBe(
      readFileSync(join(files, 'SHA256SUMS'), 'utf8') + readFileSync(join(files, 'BUNDLES.sha256'), 'utf8'),
    );
    // It is public only after its last file.
    expect(releases.changes[0]).toBe(`POST /repos/${owner}/releases as a draft`);
    expect(releases.changes.at(-1)).toMatch(/^PATCH /);
    expect(releases.changes.filter((change) => change.startsWith('PATCH '))).toHaveLength(1);
    expect(releases.unknown).toEqual([]);
  }, 300_000);

  test('changes nothing when it runs again for the same version', async () => {
    const refs = remoteRefs();
    const changes = [...releases.changes];
    const run = await release();
    expect(run.exitCode, run.log).toBe(0);
    expect(run.log).toContain('v0.1.0 was pushed before.');
    expect(run.log).toContain('The release of v0.1.0 is public already.');
    expect(remoteRefs()).toEqual(refs);
    expect(releases.changes).toEqual(changes);
  }, 300_000);
});
