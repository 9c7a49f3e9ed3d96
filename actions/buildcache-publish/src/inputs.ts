import { awsInputs } from '@slipway/aws-actions';
import { buildcacheInputs, mirrorInput, viewInput } from '@slipway/buildcache-actions';
import { commonInputs, type InputsOf, input, signingInputs } from '@slipway/runner';

export const inputs = {
  buildcache: buildcacheInputs.buildcache,
  mirror: mirrorInput('write', '`s3://bucket/prefix` or `file:///directory`'),
  'trusted-keys': buildcacheInputs.trustedKeys,
  'allow-unsigned': buildcacheInputs.allowUnsigned,
  'allow-unpinned-keys': buildcacheInputs.allowUnpinnedKeys,
  'allow-layout-v2': buildcacheInputs.allowLayoutV2,
  'signing-key': {
    ...buildcacheInputs.signingKey,
    description:
      'An armored OpenPGP private key, or its base64 encoding, to sign the package index with. Entries are signed by buildcache-sign.',
  },
  passphrase: signingInputs.passphrase,
  view: viewInput('A view whose index also gets the entries, besides the main index.'),
  overwrite: input.boolean({
    description:
      'Replace entries that the mirror has with other content under the same hash (rebuilt, or packed again). Without it, they are kept, with a warning.',
    default: 'false',
  }),
  'dry-run': commonInputs['dry-run'],
  ...awsInputs,
  report: commonInputs.report,
};

export type Inputs = InputsOf<typeof inputs>;
