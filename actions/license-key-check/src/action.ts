import { counted, formatDuration } from '@slipway/core';
import { type ActionContext, type ActionResult, defineAction } from '@slipway/runner';
import { type Inputs, inputProblems, inputs } from './inputs.ts';
import { observe } from './observe.ts';
import { plan } from './plan.ts';
import { report } from './report.ts';

export const action = defineAction({
  name: 'license-key-check',
  description:
    'Blocks a release unless the generator of license keys and the validator agree, over generated customers and changed keys.',
  inputs,
  outputs: {
    result: { description: '`passed`, `failed`, or `planned` for a dry run.' },
    cases: { description: 'How many cases passed every check.' },
    seed: { description: 'The seed that repeats this run.' },
    'failing-check': {
      description: 'The check that failed, such as `changes-rejected`; empty when none did.',
    },
    report: { description: 'Path of the JSON report, which contains no key.', kind: 'file' },
  },
  checkInputs: inputProblems,
  run,
});

async function run(given: Inputs, context: ActionContext): Promise<ActionResult> {
  const observed = observe(given, context);
  for (const secret of observed.secrets) context.mask(secret);
  const planned = plan({
    directory: observed.directory,
    generator: { command: given.generator, transport: given.generatorInput },
    validator: {
      command: given.validator,
      transport: given.validatorInput,
      rejectedStatuses: given.rejectedStatus,
    },
    seed: observed.seed,
    cases: given.cases,
    changesPerCase: given.changesPerCase,
    timeLimitMs: given.timeLimit,
    commandTimeoutMs: given.commandTimeout,
    fields: given.customerFields,
    texts: given.customerTexts,
    ignoredDifferences: given.ignoredDifferences,
    key: {
      pattern: given.keyPattern?.source,
      alphabet: given.keyAlphabet,
      separators: given.keySeparators,
    },
    toleratedChanges: given.toleratedChanges,
  });
  context.progress.info(
    `${counted(planned.cases, 'case')} with seed ${planned.seed}, in at most ${formatDuration(planned.timeLimitMs)}.`,
  );
  if (given.dryRun) return report({ plan: planned, execution: undefined, reportPath: given.report });
  // fast-check takes longer to load than everything else here.
  const { execute } = await import('./execute.ts');
  const execution = await execute(planned, {
    environment: observed.environment,
    concurrency: observed.processors,
    clock: context.clock,
    progress: context.progress,
  });
  return report({ plan: planned, execution, reportPath: given.report });
}
