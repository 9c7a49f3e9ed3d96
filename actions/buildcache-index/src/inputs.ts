import { awsInputs } from '@slipway/aws-actions';
import { buildcacheInputs, mirrorInput, viewInput } from '@slipway/buildcache-actions';
import { commonInputs, type InputsOf, input, itemsOf, signingInputs } from '@slipway/runner';

export const inputs = {
  mirror: mirrorInput('write', '`s3://bucket/prefix` or `file:///directory`'),
  operation: input.choice({
    description:
      '`update` adds what is stored and not indexed; `rebuild` reads every manifest again; `rollback` brings an earlier index back; `list` shows the indexes that are kept.',
    choices: ['update', 'rebuild', 'rollback', 'list'],
    default: 'update',
  }),
  view: viewInput('The view whose index is meant, instead of the main index.'),
  select: {
    ...input.lines({
      description:
        'For a view: which entries belong to it, one a line or with commas between them: `name`, `name@version`, `/hash` (or the beginning of one), with `*` in names. Without it a view keeps the members that it has.',
    }),
    parse: itemsOf,
  },
  to: input.text({
    description: 'For a rollback: the generation to bring back. Without it, the one before the present.',
  }),
  'trusted-keys': buildcacheInputs.trustedKeys,
  'allow-unsigned': buildcacheInputs.allowUnsigned,
  'allow-unpinned-keys': buildcacheInputs.allowUnpinnedKeys,
  'allow-layout-v2': buildcacheInputs.allowLayoutV2,
  'signing-key': {
    ...buildcacheInputs.signingKey,
    description: 'An armored OpenPGP private key, or the base64 of one, to sign the index with.',
  },
  passphrase: signingInputs.passphrase,
  'dry-run': commonInputs['dry-run'],
  ...awsInputs,
  report: commonInputs.report,
};

export type Inputs = InputsOf<typeof inputs>;
