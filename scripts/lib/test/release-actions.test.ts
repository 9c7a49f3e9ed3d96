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

/** What each action prints when it has done what the job in ci.yml asks of it. */
const done: Readonly<Record<string, RegExp>> = {
  'archive-pack': /linux\.zip/,
  'artifact-sign': /Made 2 signatures; 0 were there before/,
  'buildcache-index': /generation 2/i,
  'buildcache-publish': /5 /,
  'buildcache-release': /0 errors/,
  'buildcache-sign': /5 /,
  'buildcache-verify': /0 errors/,
  'cloudfront-invalidate': /Would make the invalidation/,
  'dispatch-verify': /release-published/,
  'download-publish': /linux/,
  'download-release': /linux/,
  'license-key-check': /agree/,
  'repository-dispatch': /Would/,
  's3-publish': /index\.html/,
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

  test.each(Object.entries(done))('has %s, which does what it is for', (name, words) => {
    const step = job?.steps[name];
    expect(step?.result, step?.log).toBe('success');
    expect(step?.log).toMatch(words);
  });
});
