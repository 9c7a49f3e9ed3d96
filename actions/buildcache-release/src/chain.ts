import { awsCredentials, bothAwsKeys } from '../../../scripts/lib/aws-chain.ts';
import {
  type Chain,
  expression,
  fromInput,
  fromOutput,
  leftOut,
  runs,
  sameInputs,
  skipped,
  text,
} from '../../../scripts/lib/chain.ts';

const s3 = { ...awsCredentials, ...sameInputs('endpoint-url', 'force-path-style') };
const trust = sameInputs('trusted-keys', 'allow-unsigned', 'allow-unpinned-keys', 'allow-layout-v2');

/** The key for `publish`; empty when `sign` is skipped, so that nothing is signed. */
const indexKey = Object.fromEntries(
  ['signing-key', 'passphrase'].map((name) => [
    name,
    text(expression(`${runs('sign')} && inputs.${name} || ''`)),
  ]),
);

const notSigned = {
  reason: 'there are no signed entries to publish',
  unless: skipped('sign'),
};

export const chain: Chain = {
  name: 'buildcache-release',
  description:
    'Signs a staged Spack buildcache, publishes it, invalidates a CDN and verifies what it serves, in one step.',
  steps: [
    {
      id: 'sign',
      action: 'buildcache-sign',
      needs: ['signing-key'],
      maySkip: true,
      inputs: {
        ...sameInputs('buildcache', 'dry-run'),
        ...sameInputs('signing-key', 'passphrase', 'require-signed-by', 'trusted-keys'),
        level: leftOut('every tarball is read before its entry is signed; level applies to verification'),
        output: leftOut('the staged buildcache is signed in place and published from there'),
        report: fromInput('sign-report'),
      },
    },
    {
      id: 'publish',
      action: 'buildcache-publish',
      needs: ['buildcache', 'mirror', bothAwsKeys],
      notInDryRun: notSigned,
      inputs: {
        ...sameInputs('buildcache', 'mirror', 'view', 'overwrite', 'dry-run'),
        ...trust,
        ...indexKey,
        ...s3,
        report: fromInput('publish-report'),
      },
    },
    {
      id: 'invalidate',
      action: 'cloudfront-invalidate',
      needs: ['distribution-id'],
      maySkip: true,
      parts: { prove: ['base-url'] },
      notInDryRun: notSigned,
      inputs: {
        ...sameInputs('distribution-id', 'path-prefix', 'max-paths', 'max-wildcards', 'wildcard-depth'),
        ...sameInputs('wait', 'wait-deadline', 'base-url', 'prove-deadline', 'dry-run'),
        ...awsCredentials,
        paths: fromOutput('publish', 'invalidation-paths'),
        destination: fromInput('mirror'),
        'destination-endpoint-url': fromInput('endpoint-url'),
        ...sameInputs('force-path-style'),
        'paths-file': leftOut('the publish names all paths'),
        'cache-tags': leftOut('the publish names all paths'),
        // Includes the run, because an index may reappear after a rollback or a publish elsewhere.
        reference: text(
          `${expression('steps.publish.outputs.index-checksum')} ${expression('github.run_id')}`,
        ),
        prove: text(expression(`${runs('prove')} && steps.publish.outputs.pointer-checksums || ''`)),
        'prove-file': leftOut('the publish names what to prove'),
        'endpoint-url': fromInput('cloudfront-endpoint-url'),
        report: fromInput('invalidate-report'),
      },
    },
    {
      id: 'verify',
      action: 'buildcache-verify',
      needs: ['verify-url'],
      maySkip: true,
      notInDryRun: { reason: 'the mirror has not changed' },
      inputs: {
        ...sameInputs('require-signed-index', 'level', 'sarif'),
        ...trust,
        ...s3,
        mirror: text(expression("inputs.verify-url == 'mirror' && inputs.mirror || inputs.verify-url")),
        'expected-index': fromOutput('publish', 'index-checksum'),
        report: fromInput('verify-report'),
      },
    },
  ],
  inputs: {
    'signing-key': {
      description:
        'The armored OpenPGP private key to sign the entries and the package index with, or its base64 encoding. If `sign` is skipped, it signs neither.',
    },
    'trusted-keys': {
      description:
        'The keys whose signatures count: fingerprints (40 hex digits) and armored public keys, one after the other. For a fingerprint, the key is taken from the mirror or the staged buildcache and must match it. The signing key must be one of them; of several keys in `signing-key`, that one signs.',
    },
    mirror: {
      description: 'URL of the mirror: `s3://bucket/prefix` or `file:///directory`.',
    },
    'endpoint-url': {
      description: 'URL of the S3 service, for R2, MinIO and others. Defaults to AWS.',
    },
    'verify-url': {
      description:
        'The URL that clients use and that is verified, such as `https://binaries.example.org/spack`. `mirror` is the mirror itself, which proves nothing about a CDN.',
      default: 'mirror',
    },
    'aws-region': {
      description:
        'Region of the bucket and of STS, such as `eu-central-1`. Defaults to `AWS_REGION` or `AWS_DEFAULT_REGION`, and to `us-east-1` if `endpoint-url` is set.',
    },
    'session-policy': {
      description:
        '`scoped` limits the role, in each step, to the bucket and prefix or to the distribution; `none` leaves it unchanged.',
    },
  },
};
