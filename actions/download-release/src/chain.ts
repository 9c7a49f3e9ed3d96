import { awsCredentials, bothAwsKeys } from '../../../scripts/lib/aws-chain.ts';
import {
  type Chain,
  expression,
  fromInput,
  fromOutput,
  leftOut,
  sameInputs,
  text,
} from '../../../scripts/lib/chain.ts';
import { isOneOf, oneOf } from '../../../scripts/lib/needs.ts';

const publishing = {
  ...awsCredentials,
  ...sameInputs(
    'scheme',
    'secret',
    'previous-secret',
    'key-pair-id',
    'previous-key-pair-id',
    'default-platform',
    'destination',
    'prefix',
    'base-url',
    'origin-path',
    'window-length',
    'windows',
    'clock-tolerance',
    'grace',
    'max-age',
    'replace',
    'verify-deadline',
    'concurrency',
    'dry-run',
    'endpoint-url',
    'force-path-style',
  ),
};
const onlyForCleanup = leftOut('only `cleanup` uses it');
const ofTheRun = leftOut('GitHub sets it: a workflow runs for one repository, commit and ref');
const onlyArchives = leftOut('the packed files are what is released');

/** The signature of the message is chosen by name: a missing secret never changes it. */
function signedBy(way: string, name: string): string {
  return expression(`inputs.dispatch-signature == '${way}' && inputs.${name} || ''`);
}

export const chain: Chain = {
  name: 'download-release',
  description:
    'Packs release files, signs them, publishes them under secret paths, verifies that they are served, and notifies other repositories, in one step.',
  steps: [
    {
      id: 'pack',
      action: 'archive-pack',
      atCommitTime: true,
      needs: ['archives'],
      inputs: {
        ...sameInputs('archives', 'universal', 'universal-layout', 'platforms', 'source-directory'),
        ...sameInputs('output-directory', 'top-directory', 'readme-template', 'readme-name', 'fields'),
        ...sameInputs('executable', 'required-entries', 'minimum-size', 'maximum-size'),
        ...sameInputs('compression-level', 'portable-names', 'dry-run'),
        report: fromInput('pack-report'),
      },
    },
    {
      id: 'sign',
      action: 'artifact-sign',
      atCommitTime: true,
      needs: ['signing-key'],
      maySkip: true,
      notInDryRun: { reason: 'nothing was packed that could be signed' },
      inputs: {
        ...sameInputs('signing-key', 'passphrase', 'trusted-keys', 'signatures', 'checksums'),
        ...sameInputs('checksums-signature', 'dry-run'),
        files: onlyArchives,
        artifacts: fromOutput('pack', 'artifacts'),
        report: fromInput('sign-report'),
      },
    },
    {
      id: 'publish',
      action: 'download-publish',
      needs: ['secret', 'destination', bothAwsKeys],
      notInDryRun: { reason: 'nothing was packed that could be published' },
      inputs: {
        ...publishing,
        operation: text('publish'),
        artifacts: text(expression('steps.sign.outputs.artifacts || steps.pack.outputs.artifacts')),
        files: onlyArchives,
        'max-idle': onlyForCleanup,
        'delete-last': onlyForCleanup,
        report: fromInput('publish-report'),
      },
    },
    {
      id: 'invalidate',
      action: 'cloudfront-invalidate',
      needs: ['distribution-id', 'base-url'],
      maySkip: true,
      notInDryRun: { reason: 'nothing was published that a CDN must invalidate' },
      inputs: {
        ...sameInputs('distribution-id', 'base-url', 'destination', 'force-path-style', 'dry-run'),
        ...awsCredentials,
        paths: fromOutput('publish', 'invalidation-paths'),
        'paths-file': leftOut('the publish names all paths'),
        'path-prefix': leftOut('the publish names paths as the CDN serves them'),
        'cache-tags': leftOut('the publish names all paths'),
        'max-paths': leftOut('there is one path for each window'),
        'max-wildcards': leftOut('there is one path for each window'),
        'wildcard-depth': leftOut('there is one path for each window'),
        reference: leftOut('the pending paths determine it'),
        wait: leftOut('verify checks what is served'),
        'wait-deadline': leftOut('verify checks what is served'),
        prove: leftOut('verify checks what is served'),
        'prove-file': leftOut('verify checks what is served'),
        'prove-deadline': leftOut('verify checks what is served'),
        'endpoint-url': fromInput('cloudfront-endpoint-url'),
        'destination-endpoint-url': fromInput('endpoint-url'),
        report: fromInput('invalidate-report'),
      },
    },
    {
      id: 'verify',
      action: 'download-publish',
      needs: ['base-url'],
      maySkip: true,
      notInDryRun: { reason: 'nothing was published that could be verified' },
      inputs: {
        ...publishing,
        operation: text('verify'),
        artifacts: fromOutput('publish', 'artifacts'),
        files: onlyArchives,
        'max-idle': onlyForCleanup,
        'delete-last': onlyForCleanup,
        report: fromInput('verify-report'),
      },
    },
    {
      id: 'dispatch',
      action: 'repository-dispatch',
      needs: [
        'targets',
        'event-type',
        oneOf(['token'], ['app-id', 'app-private-key']),
        oneOf(
          [isOneOf('dispatch-signature', 'secret'), 'signing-secret'],
          [isOneOf('dispatch-signature', 'key'), 'signing-key'],
          [isOneOf('dispatch-signature', 'none')],
        ),
      ],
      maySkip: true,
      inputs: {
        ...sameInputs('targets', 'event-type', 'payload', 'payload-file', 'release-version', 'expires-in'),
        ...sameInputs('token', 'app-id', 'app-private-key', 'api-url'),
        ...sameInputs('resend-unknown', 'wait', 'wait-deadline', 'dry-run'),
        fields: fromInput('dispatch-fields'),
        artifacts: fromOutput('publish', 'artifacts'),
        id: fromInput('dispatch-id'),
        'source-repository': ofTheRun,
        'source-commit': ofTheRun,
        'source-ref': ofTheRun,
        'signing-secret': text(signedBy('secret', 'signing-secret')),
        'signing-key': text(signedBy('key', 'signing-key')),
        passphrase: text(signedBy('key', 'passphrase')),
        'trusted-keys': text(signedBy('key', 'trusted-keys')),
        'allow-unsigned': text(expression("inputs.dispatch-signature == 'none'")),
        'messages-directory': fromInput('messages-directory'),
        report: fromInput('dispatch-report'),
      },
    },
  ],
  inputs: {
    'aws-region': {
      description:
        'Region of the bucket and of STS, such as `eu-central-1`. Defaults to `AWS_REGION` or `AWS_DEFAULT_REGION`, and to `us-east-1` if `endpoint-url` is set.',
    },
    'session-policy': {
      description:
        '`scoped` limits the role, in each step, to the bucket and prefix or to the distribution; `none` leaves it unchanged.',
    },
    'endpoint-url': {
      description: 'URL of the S3 service, for R2, MinIO and others. Defaults to AWS.',
    },
    destination: {
      description: 'Where the files go: `s3://bucket/prefix` or `file:///directory`.',
    },
    'signing-key': {
      description:
        'The armored OpenPGP private key to sign the archives with, or its base64 encoding; with `dispatch-signature: key`, it also signs the message to `targets`.',
    },
    'signing-secret': {
      description:
        'A secret of at least 32 characters that the receiver also has: signs the message to `targets` with HMAC-SHA-256.',
      kind: 'secret',
    },
    'dispatch-signature': {
      description:
        'What signs the message to `targets`: the `secret` in `signing-secret`, the `key` in `signing-key`, or `none`, for receivers that do not check signatures.',
      default: 'secret',
      choices: ['secret', 'key', 'none'],
    },
    'dry-run': { description: 'Print what would be done and change nothing.' },
    'base-url': {
      description:
        'URL at which the CDN serves `destination`, for links and their verification. `cloudfront-signed` always requires it.',
    },
  },
};
