import { awsProblems, openSharedStore, openStoreFromSeed } from '@slipway/aws-actions';
import { isOnS3, reportOutput, trustProblem } from '@slipway/buildcache-actions';
import { counted } from '@slipway/core';
import { serveEntryScan } from '@slipway/mirror';
import { type ActionContext, type ActionResult, defineAction, version } from '@slipway/runner';
import { execute } from './execute.ts';
import { type Inputs, inputs } from './inputs.ts';
import { observe } from './observe.ts';
import { plan } from './plan.ts';
import { report } from './report.ts';

export const action = defineAction({
  name: 'buildcache-verify',
  description:
    'Verifies a Spack mirror, or what a CDN serves of it: signatures, names, hashes, closures and indexes.',
  inputs,
  outputs: {
    verified: { description: 'Whether nothing is wrong. Otherwise the step fails.' },
    errors: { description: 'How many findings are errors.' },
    warnings: { description: 'How many are warnings.' },
    entries: { description: 'How many entries were checked.' },
    'index-checksum': { description: 'SHA-256 of the package index that the mirror points to.' },
    sarif: { description: 'Path of the findings as SARIF.', kind: 'file' },
    report: reportOutput,
  },
  checkInputs: (given, surroundings) => {
    const problem = trustProblem(given);
    const aws = awsProblems(given, surroundings, { needed: isOnS3(given.mirror) });
    return problem === undefined ? aws : [problem, ...aws];
  },
  run,
});

export const worker = (): Promise<void> => serveEntryScan(openStoreFromSeed);

async function run(given: Inputs, context: ActionContext): Promise<ActionResult> {
  const { clock, progress } = context;
  const startedMs = clock.nowMs();
  const { store, workers } = await openSharedStore(given.mirror, given, context, 'read', {
    requireExisting: true,
  });
  progress.info(`Verifying ${store.url} (${given.level}).`);
  const planned = plan(await observe(store), given.level);
  const audit = await execute(planned, {
    store,
    trustedKeys: given.trustedKeys,
    allowUnsigned: given.allowUnsigned,
    requireSignedIndex: given.requireSignedIndex,
    allowUnpinnedKeys: given.allowUnpinnedKeys,
    allowLayoutV2: given.allowLayoutV2,
    expectedIndex: given.expectedIndex,
    clock,
    progress,
    workers,
  });
  progress.info(`Checked ${counted(audit.statistics.entries, 'entry', 'entries')}.`);
  return report({
    audit,
    plan: planned,
    mirror: store.url,
    level: given.level,
    durationMs: clock.nowMs() - startedMs,
    version,
    reportPath: given.report,
    sarifPath: given.sarif,
  });
}
