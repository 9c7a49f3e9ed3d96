import { awsProblems, openAwsStore } from '@slipway/aws-actions';
import {
  isOnS3,
  openDirectory,
  openOptionalSigner,
  passphraseProblem,
  pointerChecksumsOutput,
  reportOutput,
  requireTrustedSigner,
  signerProblems,
  trustProblem,
} from '@slipway/buildcache-actions';
import { asSlipwayError, counted, formatBytes } from '@slipway/core';
import { assertSignerFor, serveEntryScan, workersByUrl } from '@slipway/mirror';
import { type ActionContext, type ActionResult, defineAction } from '@slipway/runner';
import { openLocalStore } from '@slipway/store/local';
import { execute } from './execute.ts';
import { type Inputs, inputs } from './inputs.ts';
import { indexableVersions, keptFindings, observe } from './observe.ts';
import { type Plan, plan } from './plan.ts';
import { report } from './report.ts';

export const action = defineAction({
  name: 'buildcache-publish',
  description:
    'Publishes a staged Spack buildcache to a mirror, verified, with an index that loses nobody’s entries.',
  inputs,
  outputs: {
    published: { description: 'How many entries were written.' },
    'already-published': { description: 'How many the mirror had already, with the same content.' },
    kept: { description: 'How many the mirror has with another content, which was kept.' },
    'blobs-uploaded': { description: 'How many blobs were uploaded.' },
    'bytes-uploaded': { description: 'How many bytes they have together.' },
    'index-checksum': { description: 'SHA-256 of the package index that the mirror points to now.' },
    'invalidation-paths': {
      description: 'Paths that a CDN in front of the mirror must invalidate, one a line.',
    },
    'pointer-checksums': pointerChecksumsOutput,
    report: reportOutput,
  },
  checkInputs: (given, surroundings) => [
    ...[trustProblem(given), passphraseProblem(given)].filter((problem) => problem !== undefined),
    ...awsProblems(given, surroundings, { needed: isOnS3(given.mirror) }),
  ],
  checkCostly: signerProblems,
  run,
});

export const worker = (): Promise<void> =>
  serveEntryScan(async ({ url }: { readonly url: string }) => openLocalStore(url));

async function run(given: Inputs, context: ActionContext): Promise<ActionResult> {
  const { progress, clock } = context;
  const startedMs = clock.nowMs();
  const staged = await openDirectory(given.buildcache, context);
  const mirror = await openAwsStore(given.mirror, given, context, given.dryRun ? 'read' : 'write');
  const signer = await openOptionalSigner(given, context);
  try {
    const observed = await observe({
      ...given,
      staged,
      mirror,
      signerKey: signer?.publicKey,
      clock,
      progress,
      workers: workersByUrl(context.workerEntry),
    });
    const { current } = observed.standing;
    // The main index, which is moved first, is signed where the view needs that.
    assertSignerFor(current, undefined, signer);
    requireTrustedSigner(signer, observed.policy);
    const steps = plan(observed.observation);
    const findings = [...observed.findings, ...keptFindings(steps.kept)];
    const { pointer, index } = current;
    const reported = { plan: steps, findings, mirror: mirror.url, reportPath: given.report };
    if (given.dryRun) {
      describe(steps, (line) => progress.info(line));
      return report({
        ...reported,
        result: undefined,
        failure: undefined,
        indexChecksum: pointer?.record.checksum ?? '',
        entryCount: index.entryCount,
        durationMs: clock.nowMs() - startedMs,
      });
    }
    const { result, error } = await execute(steps, {
      staged,
      mirror,
      graph: observed.staged.graph,
      specfileVersions: indexableVersions(observed.staged),
      keys: [...observed.staged.keys.keys, ...(signer === undefined ? [] : [signer.publicKey])],
      policy: observed.policy,
      signer,
      current,
      provenIndex: observed.provenIndex,
      clock,
      progress,
    });
    const moved = result.moves.find(({ view }) => view === undefined)?.move;
    progress.info(
      `Published ${counted(result.manifestsWritten, 'entry', 'entries')} (${formatBytes(result.bytesUploaded)}); ${steps.unchanged.length} were there before.`,
    );
    return report({
      ...reported,
      result,
      failure: error === undefined ? undefined : asSlipwayError(error),
      indexChecksum: moved?.checksum ?? pointer?.record.checksum ?? '',
      entryCount: moved?.entryCount ?? index.entryCount,
      durationMs: clock.nowMs() - startedMs,
    });
  } finally {
    signer?.close();
  }
}

/** The plan in words, for a dry run. */
function describe(steps: Plan, print: (line: string) => void): void {
  for (const step of steps.steps) {
    if (step.kind === 'upload-blob')
      print(`Would upload blob ${step.sha256} (${formatBytes(step.sizeBytes)})`);
    else if (step.kind === 'write-manifest')
      print(`Would ${step.replaces ? 'replace' : 'write'} ${step.key}`);
    else if (step.kind === 'add-keys') print(`Would add the keys ${step.fingerprints.join(', ')}`);
    else if (step.kind === 'advance-index') {
      print(
        `Would add ${counted(step.hashes.length, 'entry', 'entries')} to ${step.view ? `the index of ${step.view}` : 'the index'}`,
      );
      if (step.signUnsigned) print('Would sign the index, which has no signature yet');
    }
  }
}
