import { InternalError } from '@slipway/core';
import { defineAction, reportOutput } from '@slipway/runner';
import { inputs } from './inputs.ts';

export const action = defineAction({
  name: 'download-publish',
  description:
    'Publishes files under secret paths that change with the time, proves that they are served, and cleans up old ones.',
  inputs,
  outputs: {
    urls: { description: 'Links of the current window, one a line, in the order of the files.' },
    artifacts: {
      description: 'Path of the JSON list of the files, each with its key and URL of the current window.',
    },
    window: { description: 'Number of the current window.' },
    'window-starts-at': { description: 'When the current window began, as `2026-01-01T00:00:00.000Z`.' },
    'window-ends-at': { description: 'When the current window ends.' },
    windows: { description: 'Numbers of the windows that this run was about, one a line.' },
    prefixes: {
      description:
        'What the keys of the current window begin with, one a line: the directory that each platform’s files, or each file, is in.',
    },
    uploaded: { description: 'How many objects were stored.' },
    unchanged: { description: 'How many were there already, with the same bytes and headers.' },
    deleted: { description: 'How many objects `cleanup` deleted.' },
    proven: { description: 'How many links `verify` proved to serve the files.' },
    report: reportOutput,
  },
  run: async () => {
    throw new InternalError('it is not there yet');
  },
});
