import { buildcacheInputs } from '@slipway/buildcache-actions';
import { type InputsOf, input } from '@slipway/runner';

export const inputs = {
  buildcache: buildcacheInputs.buildcache,
  'signing-key': input.requiredSecret({
    description: 'The armored OpenPGP private key to sign with, or the base64 of it.',
  }),
  passphrase: buildcacheInputs.passphrase,
  'trusted-keys': {
    ...buildcacheInputs.trustedKeys,
    description:
      'Fingerprints or armored public keys of which the signing key must be one; of several keys in `signing-key`, the one that is signs. Any key signs without it.',
  },
  output: input.path({
    description:
      'A directory for the signed buildcache, which gets a copy of everything. Without it the staged one is signed in place.',
  }),
  'dry-run': buildcacheInputs.dryRun,
  report: buildcacheInputs.report,
};

export type Inputs = InputsOf<typeof inputs>;
