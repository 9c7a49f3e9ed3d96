import { InternalError } from '@slipway/core';
import { type ActionResult, defineAction } from '@slipway/runner';
import { inputs } from './inputs.ts';

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
    report: { description: 'Path of the JSON report. No key is in it.' },
  },
  run,
});

async function run(): Promise<ActionResult> {
  throw new InternalError('the check is not there yet');
}
