import { InternalError } from '@slipway/core';
import { defineAction, reportOutput } from '@slipway/runner';
import { inputs } from './inputs.ts';

export const action = defineAction({
  name: 'archive-pack',
  description: 'Packs release files into reproducible zips with a README, and checks each entry of them.',
  inputs,
  outputs: {
    artifacts: {
      description:
        'Path of the list of artifacts: JSON with name, path, platform, size and SHA-256 of each zip.',
    },
    paths: { description: 'The paths of the zips, one a line.' },
    archives: { description: 'How many zips there are.' },
    unchanged: { description: 'How many of them were there already with the same bytes.' },
    entries: { description: 'How many entries they have together.' },
    'total-bytes': { description: 'How many bytes the zips have together.' },
    report: reportOutput,
  },
  run: async () => {
    throw new InternalError('archive-pack packs nothing yet');
  },
});
