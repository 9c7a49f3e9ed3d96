import { openDirectory, openOptionalSigner, reportOutput, signerProblems } from '@slipway/buildcache-actions';
import { counted, InternalError } from '@slipway/core';
import { serveEntryScan } from '@slipway/mirror';
import { type ActionContext, type ActionResult, defineAction } from '@slipway/runner';
import { openLocalStore } from '@slipway/store/local';
import { execute } from './execute.ts';
import { type Inputs, inputs } from './inputs.ts';
import { observe } from './observe.ts';
import { describe, plan } from './plan.ts';
import { report } from './report.ts';

export const action = defineAction({
  name: 'buildcache-sign',
  description: 'Signs the new entries of a staged Spack buildcache, without gpg, on a runner of its own.',
  inputs,
  outputs: {
    fingerprint: { description: 'Fingerprint of the primary key that signed.' },
    signed: { description: 'How many manifests were signed now, or would be in a dry run.' },
    'already-signed': { description: 'How many already had a good signature by this key.' },
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
    const { progress, clock } = context;
    progress.info(`Signing with ${signer.publicKey.fingerprint} (${signer.algorithm}).`);
    const observed = await observe(given, staged, signer, context);
    const { target, policy, findings } = observed;
    const planned = plan(observed.observation);
    const reported = { plan: planned, signer, findings, reportPath: given.report, target: target.url };
    if (given.dryRun) {
      for (const line of describe(planned)) progress.info(line);
      return report({ ...reported, result: undefined });
    }
    const result = await execute(planned, { staged, target, policy, signer, clock, progress });
    progress.info(
      `Signed ${counted(result.signed.length, 'manifest')}; ${planned.alreadySigned} were already signed.`,
    );
    return report({ ...reported, result });
  } finally {
    signer.close();
  }
}
