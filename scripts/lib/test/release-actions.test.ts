// Slow: about 20 s.
import { globSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import {
  filesBelow,
  gpgMissing,
  haveWorkflowRunner,
  runWorkflow,
  type WorkflowJob,
  type WorkflowRun,
} from '@slipway/testkit';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { root } from '../workspace.ts';
import { changeset, ReleaseRepository } from './release-repository.ts';

type Step = Readonly<Record<string, unknown>>;

const someNumber = expect.stringMatching(/^[1-9]\d*$/) as string;

/** Outputs of each action when it has done what the job in ci.yml asks of it. */
const done: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'archive-pack': { archives: '1', entries: '1', paths: 'packed/linux.zip' },
  'artifact-sign': { signed: '2', checksums: 'packed/SHA256SUMS' },
  'buildcache-index': { generation: '2', changed: 'true' },
  'buildcache-publish': { published: '5', 'blobs-uploaded': '10' },
  'buildcache-release': { 'sign-signed': '5', 'publish-published': '5', 'verify-verified': 'true' },
  'buildcache-sign': { signed: '5' },
  'buildcache-verify': { verified: 'true', entries: '5' },
  'cloudfront-invalidate': { status: 'planned', 'billable-paths': '1' },
  'dispatch-verify': { 'event-type': 'release-published', fields: '{"channel":"stable"}' },
  'download-publish': { uploaded: someNumber },
  'download-release': { 'pack-archives': '1', 'sign-signed': '2', 'publish-uploaded': someNumber },
  'license-key-check': { result: 'passed', cases: '1' },
  'package-index': { 'pages-written': '4', projects: '1', files: '1' },
  'repository-dispatch': { sent: '0', ids: expect.stringMatching(/^[0-9a-f]{32}$/) as string },
  's3-publish': { uploaded: '1' },
};

const owner = 'example-owner/slipway';

/** The job of ci.yml that uses every action of its own workspace, with each taken from a tag instead. */
function jobOfTag(tag: string): Readonly<Record<string, unknown>> {
  const workflow = parse(readFileSync(join(root, '.github/workflows/ci.yml'), 'utf8')) as {
    readonly jobs: { readonly actions: { readonly steps: readonly Step[] } };
  };
  const { steps, ...job } = workflow.jobs.actions;
  const fromTag = ({ uses, ...step }: Step): Step =>
    typeof uses === 'string' && uses.startsWith('./')
      ? { uses: `${owner}/${uses.slice(2)}@${tag}`, ...step }
      : { ...(uses === undefined ? {} : { uses }), ...step };
  return { ...job, steps: steps.filter(({ id }) => id !== 'bundle').map(fromTag) };
}

describe.skipIf(!haveWorkflowRunner() || gpgMissing)('the tag of a release (needs act and gpg)', () => {
  let run: WorkflowRun;
  let job: WorkflowJob | undefined;

  beforeAll(async () => {
    const repository = new ReleaseRepository({
      '.changeset/news.md': changeset('minor', 'The first release.'),
    });
    await repository.release({ push: true });
    const directory = repository.checkout('v0', repository.remote);
    const workflow = '.github/workflows/use.yml';
    const spack = 'packages/testkit/testdata/spack/v3-unsigned';
    run = await runWorkflow({
      files: {
        ...filesBelow(join(root, spack), `${spack}/`),
        [workflow]: JSON.stringify({ on: 'push', jobs: { actions: jobOfTag('v0') } }),
      },
      workflow,
      event: { name: 'push' },
      repositories: { [`${owner}@v0`]: directory },
    });
    job = run.jobs['actions'];
  }, 300_000);

  test('is used by a job for every action there is', () => {
    const names = globSync('actions/*/action.yml', { cwd: root }).map((path) => basename(dirname(path)));
    expect(Object.keys(done).sort()).toEqual(names.sort());
    expect(run.exitCode, run.log).toBe(0);
  });

  test.each(Object.entries(done))('has %s, which does what it is for', (name, outputs) => {
    const step = job?.steps[name];
    expect(step?.result, step?.log).toBe('success');
    expect(step?.outputs).toMatchObject(outputs);
  });
});
