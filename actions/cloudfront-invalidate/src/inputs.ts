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
    'The paths to invalidate, as they appear in URLs: `/index.html`, `/images/*`, or URLs under `base-url`, separated by line breaks, spaces or commas. Write a space in a name as `%20`. Accepts the output `invalidation-paths` of a publish. If empty, nothing is invalidated.',
    withoutText(parsePaths),
  ),
  'paths-file': {
    ...input.path({ description: 'A file with more paths, in the same form.' }),
    check: async (path: string, { workDirectory }: InputSurroundings): Promise<void> =>
      void (await readPathsFile(path, workDirectory)),
  },
  'path-prefix': {
    ...input.text({
      description:
        'The prefix of each path, and of each key to prove, on the CDN: `/spack` for a mirror at `https://cdn.example.org/spack`.',
    }),
    parse: parsePathPrefix,
  },
  destination: {
    ...input.text({
      description:
        'The `destination` or `mirror` of the publish: `s3://bucket/prefix` or `file:///directory`. It records replaced paths until their invalidation is proven: pending paths are invalidated too, and those this run has proven are removed. Without it, each publish lists its paths again.',
    }),
    kind: 'URL',
    parse: withoutText(parseWritableStoreUrl),
  },
  'cache-tags': listInput(
    'Cache tags to invalidate, separated by line breaks or commas, if the distribution reads tags from a header of the origin.',
    parseTags,
  ),
  'max-paths': input.integer({
    description:
      'Budget: CloudFront bills each path after the first 1,000 of a month; a wildcard counts as one. More paths than this are collapsed into wildcards.',
    default: '200',
    minimum: 1,
    maximum: 100_000,
  }),
  'max-wildcards': input.integer({
    description:
      'How many wildcards paths may be collapsed into. CloudFront allows at most 15 in progress per distribution.',
    default: '10',
    minimum: 0,
    maximum: 15,
  }),
  'wildcard-depth': input.integer({
    description:
      'How many whole directories such a wildcard must name: `2` allows `/a/b/*` and nothing wider.',
    default: '1',
    minimum: 0,
    maximum: 20,
  }),
  reference: input.text({
    description:
      'A value that changes whenever the published content does, such as the `index-checksum` of a publish. The same reference with the same paths is the same invalidation, so running again costs nothing. Defaults to the checksums to prove; without those, each run is a new invalidation.',
  }),
  wait: input.boolean({
    description: 'Wait until CloudFront reports the invalidation as completed.',
    default: 'true',
  }),
  'wait-deadline': input.duration({
    description: 'How long to wait for a free slot among the invalidations in progress, and for completion.',
    default: '15m',
  }),
  prove: listInput(
    'What must be served after the invalidation, one per line: a URL or a path, a space, and the SHA-256 of the bytes; or as `sha256sum` prints it.',
    withoutText(parseProofs),
  ),
  'prove-file': {
    ...input.path({
      description:
        'A JSON manifest of more objects that must be served: an array of `{key, sizeBytes, sha256, url}`, from the output `manifest` of s3-publish. Every object in it is fetched completely.',
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
    description: 'How long it may take until the new bytes are served.',
    default: '5m',
  }),
  ...shared,
  'aws-region': {
    ...shared['aws-region'],
    description:
      'Region of STS. Defaults to `AWS_REGION`, `AWS_DEFAULT_REGION` or `us-east-1`; CloudFront is the same from all regions of a partition.',
  },
  'session-policy': {
    ...shared['session-policy'],
    description: '`scoped` limits the role to this distribution, for this run; `none` leaves it unchanged.',
  },
  'endpoint-url': {
    ...shared['endpoint-url'],
    description: 'URL of the CloudFront API, for tests and private endpoints. Defaults to AWS.',
  },
  'destination-endpoint-url': {
    ...shared['endpoint-url'],
    description: 'URL of the S3 service of `destination`, for R2, MinIO and others. Defaults to AWS.',
  },
  'force-path-style': forcePathStyle,
  ...commonInputs,
};

export type Inputs = InputsOf<typeof inputs>;
