import { counted, formatDuration } from '@slipway/core';
import { defineAction } from '@slipway/runner';
import { inputProblems, inputs } from './inputs.ts';
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
  async run(given, context) {
    const { secrets, environment, concurrency, ...observed } = observe(given, context);
    for (const secret of secrets) context.mask(secret);
    const planned = plan(given, observed);
    const { clock, progress } = context;
    progress.info(
      `${counted(planned.cases, 'case')} with seed ${planned.seed}, in at most ${formatDuration(planned.timeLimitMs)}.`,
    );
    if (given.dryRun) return report(planned, undefined, given.report);
    // fast-check takes longer to load than everything else here.
    const { execute } = await import('./execute.ts');
    const execution = await execute(planned, { environment, concurrency, clock, progress });
    return report(planned, execution, given.report);
  },
});
