import { openDirectory, openOptionalSigner, reportOutput, signerProblems } from '@slipway/buildcache-actions';
import { counted, InternalError, type ObjectStore } from '@slipway/core';
import { openPolicy, readStaged, refuseOnErrors, serveEntryScan, workersByUrl } from '@slipway/mirror';
import { type ActionContext, type ActionResult, defineAction } from '@slipway/runner';
import type { Signer } from '@slipway/signing';
import { openLocalStore } from '@slipway/store/local';
import { execute } from './execute.ts';
import { type Inputs, inputs } from './inputs.ts';
import { observeOutput, openOutput } from './output.ts';
import { type Plan, plan } from './plan.ts';
import { report } from './report.ts';

export const action = defineAction({
  name: 'buildcache-sign',
  description: 'Signs the new entries of a staged Spack buildcache, without gpg, on a runner of its own.',
  inputs,
  outputs: {
    fingerprint: { description: 'Fingerprint of the primary key that signed.' },
    signed: { description: 'How many manifests were signed now.' },
    'already-signed': { description: 'How many had a good signature by this key before.' },
    report: reportOutput,
  },
  checkCostly: signerProblems,
  run,
});

export const worker = (): Promise<void> =>
  serveEntryScan(async ({ url }: { readonly url: string }) => openLocalStore(url));

async function run(given: Inputs, context: ActionContext): Promise<ActionResult> {
  const staged = await openDirectory(given.buildcache, context);
  const signer = await openOptionalSigner(given, context);
  if (signer === undefined) throw new InternalError('a required input is missing');
  try {
    return await signWith(signer, staged, given, context);
  } finally {
    signer.close();
  }
}

async function signWith(
  signer: Signer,
  staged: ObjectStore,
  given: Inputs,
  context: ActionContext,
): Promise<ActionResult> {
  const { progress, clock } = context;
  const { fingerprint } = signer.publicKey;
  progress.info(`Signing with ${fingerprint} (${signer.algorithm}).`);
  const trust = { trustedKeys: signer.publicKey.armored, allowUnsigned: true };
  const seen = await readStaged({
    ...trust,
    resigning: { requireSignedBy: given.requireSignedBy },
    store: staged,
    otherKeys: [],
    tarballs: given.level === 'full' ? 'read' : 'head',
    clock,
    progress,
    workers: workersByUrl(context.workerEntry),
  });
  refuseOnErrors(
    seen.findings,
    'buildcache-refused',
    'nothing was signed, because the buildcache is not sound',
  );
  const entries = seen.entries.map(({ key, payloadSha256, signedBy }) => ({
    key,
    payloadSha256: payloadSha256 ?? '',
    signedBy,
  }));
  // What was judged is told by its text from now on: the signature it had is replaced.
  const { policy } = await openPolicy({ ...trust, offeredKeys: [], acceptOtherSigners: true }, clock);
  const target = given.output === undefined ? staged : await openOutput(given.output, staged, context);
  const output =
    target === staged ? undefined : await observeOutput(target, entries, seen.listing.keys, policy);
  const steps: Plan = plan({ fingerprint, entries, output });
  const reported = {
    plan: steps,
    signer,
    findings: seen.findings,
    reportPath: given.report,
    target: target.url,
  };
  if (given.dryRun) {
    for (const step of steps.steps)
      if (step.kind === 'sign-manifest') progress.info(`Would sign ${step.key}`);
    return report({ ...reported, result: undefined });
  }
  const result = await execute(steps, { staged, target, policy, signer, clock, progress });
  progress.info(
    `Signed ${counted(result.signed.length, 'manifest')}; ${steps.alreadySigned} were signed before.`,
  );
  return report({ ...reported, result });
}
