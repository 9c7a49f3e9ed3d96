import { awsInputs } from '@slipway/aws-actions';
import { buildcacheInputs, mirrorInput } from '@slipway/buildcache-actions';
import { commonInputs, type InputsOf, input } from '@slipway/runner';
import { isSha256 } from '@slipway/spack-buildcache';

const checksum = input.text({
  description:
    'SHA-256 of the package index that must be there, or must have been there before the present one: the output `index-checksum` of a publish. It proves that the mirror, or the CDN in front of it, serves what was published.',
});

export const inputs = {
  mirror: mirrorInput(
    'read',
    '`s3://bucket/prefix` or `file:///directory`, or `https://host/prefix` to check what clients are served',
  ),
  'trusted-keys': buildcacheInputs.trustedKeys,
  'allow-unsigned': buildcacheInputs.allowUnsigned,
  'allow-unpinned-keys': buildcacheInputs.allowUnpinnedKeys,
  'allow-layout-v2': buildcacheInputs.allowLayoutV2,
  'require-signed-index': input.boolean({
    description:
      'Refuse an index that is not signed. Spack itself never signs indexes; Slipway does when it has a key.',
    default: 'false',
  }),
  'expected-index': {
    ...checksum,
    kind: 'SHA-256',
    parse: (text: string): string => {
      if (!isSha256(text)) throw new Error('must be a SHA-256 of 64 hex digits');
      return text;
    },
  },
  level: input.choice({
    description:
      '`metadata` reads manifests, signatures, specs and indexes, and the sizes of tarballs; `full` also reads every byte of every tarball.',
    choices: ['metadata', 'full'],
    default: 'metadata',
  }),
  ...awsInputs,
  report: commonInputs.report,
  sarif: input.path({
    description: 'Where to write the findings as SARIF, for code scanning. By default, a temporary file.',
  }),
};

export type Inputs = InputsOf<typeof inputs>;
