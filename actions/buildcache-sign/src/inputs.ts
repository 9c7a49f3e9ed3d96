import { buildcacheInputs } from '@slipway/buildcache-actions';
import { commonInputs, type InputsOf, input, signingInputs } from '@slipway/runner';

export const inputs = {
  buildcache: buildcacheInputs.buildcache,
  'signing-key': signingInputs['signing-key'],
  passphrase: signingInputs.passphrase,
  'require-signed-by': {
    ...buildcacheInputs.trustedKeys,
    description:
      'Each entry must already have a good signature by one of these keys: fingerprints (40 hex digits) and armored public keys. For a fingerprint, the key is taken from the staged buildcache. Without this input, unsigned entries are signed, and signatures by other keys are replaced unless they are bad.',
  },
  level: input.choice({
    description:
      '`full` reads every tarball, and signs nothing if one holds what Spack would not pack, such as a path outside its prefix; `metadata` only checks that they exist.',
    choices: ['metadata', 'full'],
    default: 'full',
  }),
  'trusted-keys': {
    ...buildcacheInputs.trustedKeys,
    description: signingInputs['trusted-keys'].description,
  },
  output: input.path({
    description:
      'A directory for a signed copy of the whole buildcache. Without it, the staged one is signed in place.',
  }),
  ...commonInputs,
};

export type Inputs = InputsOf<typeof inputs>;
