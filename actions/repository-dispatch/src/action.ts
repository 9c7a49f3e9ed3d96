import { InternalError } from '@slipway/core';
import { defineAction } from '@slipway/runner';
import { inputs } from './inputs.ts';

export const action = defineAction({
  name: 'repository-dispatch',
  description:
    'Tells other repositories by a repository dispatch, with a checked and signed payload, and never blindly twice.',
  inputs,
  outputs: {
    results: {
      description:
        'What became of each target, as a JSON array of `target`, `id`, `status`, `runUrl`, `conclusion` and `reason`.',
    },
    sent: { description: 'How many targets were told.' },
    failed: {
      description:
        'The targets that failed or are unknown, one a line: `targets` of a step that tries them again.',
    },
    unknown: { description: 'The targets of which it is not known whether they were told, one a line.' },
    ids: { description: 'The ids of the messages, one a line, in the order of `targets`.' },
    'run-urls': { description: "URLs of the receivers' runs that were found, one a line." },
    conclusion: {
      description:
        "With `wait`: `success` when every receiver's run succeeded, or how the first that did not ended. Empty without it.",
    },
    report: { description: 'Path of the JSON report.' },
  },
  run: () => {
    throw new InternalError('it is not written yet');
  },
});
