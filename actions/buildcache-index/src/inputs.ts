import { awsInputs } from '@slipway/aws-actions';
import { buildcacheInputs, mirrorInput, viewInput } from '@slipway/buildcache-actions';
import { commonInputs, type InputsOf, input, itemsOf, signingInputs } from '@slipway/runner';

export const inputs = {
  mirror: mirrorInput('write', '`s3://bucket/prefix` or `file:///directory`'),
  operation: input.choice({
    description:
      '`update` adds what is stored but not indexed; `rebuild` reads every manifest again; `rollback` restores an earlier index; `list` shows the kept indexes.',
    choices: ['update', 'rebuild', 'rollback', 'list'],
    default: 'update',
  }),
  view: viewInput('The view whose index to work on, instead of the main index.'),
  select: {
    ...input.lines({
      description:
        'For a view: which entries belong to it, one per line or separated by commas: `name`, `name@version`, `/hash` (or the beginning of one), with `*` in names. Without it, a view keeps its members.',
    }),
    parse: itemsOf,
  },
  to: input.text({
    description:
      'For a rollback: the generation to bring back. Without it, the one before the present index.',
  }),
  'trusted-keys': buildcacheInputs.trustedKeys,
  'allow-unsigned': buildcacheInputs.allowUnsigned,
  'allow-unpinned-keys': buildcacheInputs.allowUnpinnedKeys,
  'allow-layout-v2': buildcacheInputs.allowLayoutV2,
  'signing-key': {
    ...buildcacheInputs.signingKey,
    description: 'An armored OpenPGP private key, or its base64 encoding, to sign the index with.',
  },
  passphrase: signingInputs.passphrase,
  'dry-run': commonInputs['dry-run'],
  ...awsInputs,
  report: commonInputs.report,
};

export type Inputs = InputsOf<typeof inputs>;
