import { InternalError } from '@slipway/core';
import { defineAction, reportOutput } from '@slipway/runner';
import { inputs } from './inputs.ts';

export const action = defineAction({
  name: 'artifact-sign',
  description: 'Signs files with detached OpenPGP signatures, and writes a signed SHA256SUMS.',
  inputs,
  outputs: {
    artifacts: {
      description:
        'Path of the list of artifacts: those that were given, the files, their signatures, and the checksums.',
    },
    checksums: { description: 'Path of the SHA-256 sums.' },
    fingerprint: { description: 'Fingerprint of the primary key that signed.' },
    'public-key': { description: 'Path of the armored public key, to be published beside the files.' },
    signed: { description: 'How many signatures were made now.' },
    'already-signed': { description: 'How many were there already, good and by this key.' },
    report: reportOutput,
  },
  run: async () => {
    throw new InternalError('artifact-sign signs nothing yet');
  },
});
