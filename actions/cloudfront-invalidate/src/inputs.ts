import { parsePathPrefix } from '@slipway/aws';
import { awsInputs } from '@slipway/aws-actions';
import { parseBaseUrl } from '@slipway/core';
import { commonInputs, type InputSurroundings, type InputsOf, input, listInput } from '@slipway/runner';
import { parseWritableStoreUrl } from '@slipway/store';
import { readManifestFile, readPathsFile } from './files.ts';
import { parseDistributionId, parsePaths, parseProofs, parseTags, withoutText } from './parsers.ts';

const { 'force-path-style': forcePathStyle, ...shared } = awsInputs;

export const inputs = {
  'distribution-id': {
    ...input.requiredText({ description: 'The distribution, such as `E1A2B3C4D5E6F7`.' }),
    parse: parseDistributionId,
  },
  paths: listInput(
    'What to invalidate, as it stands in URLs: `/index.html`, `/images/*`, one a line or several with blanks or commas between them; also URLs under `base-url`. A blank of a name is written `%20`. The output `invalidation-paths` of a publish fits. Nothing at all is fine: then nothing is invalidated.',
    withoutText(parsePaths),
  ),
  'paths-file': {
    ...input.path({ description: 'A file with more paths, written in the same way.' }),
    check: async (path: string, { workDirectory }: InputSurroundings): Promise<void> =>
      void (await readPathsFile(path, workDirectory)),
  },
  'path-prefix': {
    ...input.text({
      description:
        'What the CDN has before each path, and before each key that is proven: `/spack` for a mirror at `https://cdn.example.org/spack`.',
    }),
    parse: parsePathPrefix,
  },
  destination: {
    ...input.text({
      description:
        'The `destination` or `mirror` of the publish: `s3://bucket/prefix` or `file:///directory`. It remembers what was replaced there until an invalidation of it is proven: what is pending is invalidated too, and what this run has proven is forgotten. Without it each publish names its paths again.',
    }),
    kind: 'URL',
    parse: withoutText(parseWritableStoreUrl),
  },
  'cache-tags': listInput(
    'Cache tags to invalidate, one a line or with commas between them, where the distribution reads tags from a header of the origin.',
    parseTags,
  ),
  'max-paths': input.integer({
    description:
      'Budget: CloudFront bills each path after the first 1,000 of a month, a wildcard as one. More paths than this are collapsed to wildcards.',
    default: '200',
    minimum: 1,
    maximum: 100_000,
  }),
  'max-wildcards': input.integer({
    description:
      'How many wildcards may be made of paths. CloudFront has at most 15 in progress for a distribution.',
    default: '10',
    minimum: 0,
    maximum: 15,
  }),
  'wildcard-depth': input.integer({
    description:
      'How many whole directories a wildcard that is made must name: `2` allows `/a/b/*` and nothing wider.',
    default: '1',
    minimum: 0,
    maximum: 20,
  }),
  reference: input.text({
    description:
      'What is published, in a word that changes whenever it does, such as the `index-checksum` of a publish. The same reference with the same paths is the same invalidation, so running again costs nothing. Without it the checksums to prove stand for it, and without those each run is new.',
  }),
  wait: input.boolean({
    description: 'Wait until CloudFront calls the invalidation completed.',
    default: 'true',
  }),
  'wait-deadline': input.duration({
    description: 'How long to wait for room among the invalidations in progress, and for completion.',
    default: '15m',
  }),
  prove: listInput(
    'What must be served after it, one a line: a URL or a path, a space, and the SHA-256 of the bytes; or as `sha256sum` prints it.',
    withoutText(parseProofs),
  ),
  'prove-file': {
    ...input.path({
      description:
        'A JSON manifest of more that must be served: an array of `{key, sizeBytes, sha256, url}`, as the output `manifest` of s3-publish names. Every object in it is fetched whole.',
    }),
    check: async (path: string, { workDirectory }: InputSurroundings): Promise<void> =>
      void (await readManifestFile(path, workDirectory)),
  },
  'base-url': {
    ...input.text({ description: 'URL of the CDN, `https://cdn.example.org`, for paths and keys to prove.' }),
    kind: 'URL',
    parse: parseBaseUrl,
  },
  'prove-deadline': input.duration({
    description: 'How long the new bytes may take to be served.',
    default: '5m',
  }),
  ...shared,
  'aws-region': {
    ...shared['aws-region'],
    description:
      'Region of STS. `AWS_REGION` or `AWS_DEFAULT_REGION` when not given, or else `us-east-1`; CloudFront is the same from all regions of a partition.',
  },
  'session-policy': {
    ...shared['session-policy'],
    description:
      '`scoped` cuts the rights of the role to this distribution, for this run; `none` leaves them as they are.',
  },
  'endpoint-url': {
    ...shared['endpoint-url'],
    description: 'URL of the CloudFront API, for tests and private endpoints. AWS when not given.',
  },
  'destination-endpoint-url': {
    ...shared['endpoint-url'],
    description: 'URL of the S3 service of `destination`, for R2, MinIO and others. AWS when not given.',
  },
  'force-path-style': forcePathStyle,
  ...commonInputs,
};

export type Inputs = InputsOf<typeof inputs>;
