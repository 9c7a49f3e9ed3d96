import {
  type Chain,
  expression,
  fromInput,
  fromOutput,
  leftOut,
  sameInputs,
  text,
} from '../../../scripts/lib/chain.ts';

const publishing = sameInputs(
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
  'role-to-assume',
  'aws-region',
  'role-duration',
  'audience',
  'role-session-name',
  'session-policy',
  'endpoint-url',
  'sts-endpoint-url',
  'force-path-style',
  'expected-account-ids',
  'access-key-id',
  'secret-access-key',
  'session-token',
);
const onlyForCleanup = leftOut('only `cleanup` looks at it');
const ofTheRun = leftOut('the run says it: a workflow is of one repository, commit and ref');
const onlyArchives = leftOut('what is packed is what is released');

export const chain: Chain = {
  name: 'download-release',
  description:
    'Packs release files, signs them, publishes them under secret paths, verifies that they are served, and tells other repositories, in one step.',
  steps: [
    {
      id: 'pack',
      action: 'archive-pack',
      atCommitTime: true,
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
      when: "inputs.signing-key != ''",
      notInDryRun: { reason: 'nothing was packed that it could sign' },
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
      notInDryRun: { reason: 'nothing was packed that it could publish' },
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
      id: 'verify',
      action: 'download-publish',
      when: "inputs.base-url != ''",
      notInDryRun: { reason: 'nothing was published that it could verify' },
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
      when: "inputs.targets != ''",
      inputs: {
        ...sameInputs('targets', 'event-type', 'payload', 'payload-file', 'release-version', 'expires-in'),
        ...sameInputs('signing-secret', 'token', 'app-id', 'app-private-key', 'api-url'),
        ...sameInputs('resend-unknown', 'wait', 'wait-deadline', 'dry-run'),
        fields: fromInput('dispatch-fields'),
        artifacts: fromOutput('publish', 'artifacts'),
        id: fromInput('dispatch-id'),
        'source-repository': ofTheRun,
        'source-commit': ofTheRun,
        'source-ref': ofTheRun,
        // One signature for a message: the secret that both repositories have, or else the key of the release.
        'signing-key': text(expression("inputs.signing-secret == '' && inputs.signing-key || ''")),
        passphrase: text(expression("inputs.signing-secret == '' && inputs.passphrase || ''")),
        ...sameInputs('trusted-keys'),
        'allow-unsigned': fromInput('dispatch-allow-unsigned'),
        report: fromInput('dispatch-report'),
      },
    },
  ],
  inputs: {
    'signing-key': {
      description:
        'The armored OpenPGP private key to sign the archives with, or the base64 of it. It signs the message to `targets` as well, where no `signing-secret` is given. Without it nothing is signed.',
    },
    'dry-run': { description: 'Print what would be done, and do nothing.' },
    'base-url': {
      description:
        'URL under which the CDN serves `destination`, for links. Without it they are not made, and nothing is verified. Needed by `cloudfront-signed`.',
    },
  },
};
