import { isRoleArn, isSessionName } from '@slipway/aws';
import { parseDurationMs, parseEndpoint } from '@slipway/core';
import { type InputDeclaration, type InputsOf, input } from '@slipway/runner';

const minDurationMs = 15 * 60_000;
const maxDurationMs = 12 * 3_600_000;

/** The inputs shared by all actions that use AWS or a compatible server. */
export const awsInputs = {
  'role-to-assume': checkedText(
    'ARN of the role to assume with an OIDC token, which requires `permissions: id-token: write`. Without a role or keys, credentials come from the environment or the machine.',
    (text) => {
      if (!isRoleArn(text))
        throw new Error('must be the ARN of a role, such as arn:aws:iam::123456789012:role/publish');
    },
  ),
  'aws-region': checkedText(
    'Region of the bucket and of STS, such as `eu-central-1`. Defaults to `AWS_REGION` or `AWS_DEFAULT_REGION`, and to `us-east-1` if `endpoint-url` is set.',
    checkRegion,
  ),
  'role-duration': {
    ...input.duration({
      description:
        'Lifetime of the role credentials, from 15m to 12h, limited by the role. They are renewed while the action runs.',
      default: '1h',
    }),
    parse: (text: string): number => {
      const durationMs = parseDurationMs(text);
      if (durationMs < minDurationMs || durationMs > maxDurationMs)
        throw new Error('must be from 15m to 12h');
      return durationMs;
    },
  },
  audience: checkedText(
    'Audience of the OIDC token. Defaults to `sts.amazonaws.com` (in China `sts.amazonaws.com.cn`).',
  ),
  'role-session-name': checkedText(
    'Session name in audit logs. Defaults to a name made from the repository and the run.',
    (text) => {
      if (!isSessionName(text)) throw new Error('must be 2 to 64 letters, digits or characters of _+=,.@-');
    },
  ),
  'session-policy': input.choice({
    description:
      '`scoped` limits the role to the bucket and prefix in use, for this run; `none` leaves it unchanged.',
    choices: ['none', 'scoped'],
    default: 'none',
  }),
  'endpoint-url': endpointText('URL of the S3 service, for R2, MinIO and others. Defaults to AWS.'),
  'sts-endpoint-url': endpointText(
    'URL of the STS that issues the credentials. Defaults to AWS STS in the region.',
  ),
  'force-path-style': input.boolean({
    description: 'Put the bucket in the path of the URL instead of the host name, as many servers require.',
    default: 'false',
  }),
  'expected-account-ids': {
    ...input.lines({
      description:
        'AWS accounts that the credentials may belong to; any other account fails before anything is read or written.',
    }),
    parse: (text: string): readonly string[] => {
      const ids = text.split(/[\s,]+/).filter((id) => id !== '');
      if (!ids.every((id) => /^\d{12}$/.test(id))) throw new Error('an account ID has twelve digits');
      return ids;
    },
  },
  'access-key-id': {
    ...input.text({
      description: 'Access key ID, if no role can be assumed. Requires `secret-access-key`.',
    }),
    form: 'token' as const,
  },
  'secret-access-key': {
    ...input.secret({ description: 'Secret access key for `access-key-id`.' }),
    form: 'line' as const,
  },
  'session-token': input.token({ description: 'Session token, if the keys are temporary.' }),
};

/** Throws an `Error` for an invalid region: it becomes part of host names. */
export function checkRegion(text: string): void {
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(text)) throw new Error('must be the name of a region');
}

export type AwsInputs = InputsOf<typeof awsInputs>;

function checkedText(
  description: string,
  check: (text: string) => unknown = () => {},
): InputDeclaration<string | undefined> {
  return {
    ...input.text({ description }),
    form: 'line',
    parse: (text) => {
      check(text);
      return text;
    },
  };
}

function endpointText(description: string): InputDeclaration<string | undefined> {
  const checked = checkedText(description, parseEndpoint);
  return { ...checked, kind: 'URL' };
}
