import { InternalError } from '@slipway/core';
import { defineAction } from '@slipway/runner';
import { inputs } from './inputs.ts';

export const action = defineAction({
  name: 'dispatch-verify',
  description:
    'Checks a repository dispatch on the receiving side: event, sender, signature, age, replay and schema, and hands its fields and artifacts on.',
  inputs,
  outputs: {
    payload: { description: 'The whole `client_payload` as JSON on one line, without its signature.' },
    id: { description: 'The id of the message.' },
    'event-type': { description: 'The event type.' },
    'source-repository': { description: 'The repository that sent it.' },
    commit: { description: 'The commit that it is about.' },
    ref: { description: 'The ref that it is about.' },
    version: { description: 'The version that it is about.' },
    'source-run-url': { description: 'URL of the run that sent it.' },
    fields: {
      description:
        'What `fields` and `multiline-fields` asked for, as a JSON object on one line: `fromJSON(steps.verify.outputs.fields).name`.',
    },
    artifacts: {
      description: 'Path of the JSON list of artifacts, with the `path` of each that was fetched.',
    },
    report: { description: 'Path of the JSON report.' },
  },
  run: () => {
    throw new InternalError('it is not written yet');
  },
});
