import { isRoleArn, isSessionName } from '@slipway/aws';
import { parseDurationMs, parseEndpoint } from '@slipway/core';
import { type InputDeclaration, type InputsOf, input } from '@slipway/runner';

const minDurationMs = 15 * 60_000;
const maxDurationMs = 12 * 3_600_000;

/** The inputs of every action that speaks to AWS, or to a server that speaks its protocols, each declared once. */
export const awsInputs = {
  'role-to-assume': checkedText(
    'ARN of the role to assume with an OIDC token of the job, which needs `permissions: id-token: write`. Without it, and without keys, the credentials that the environment or the machine has are used.',
    (text) => {
      if (!isRoleArn(text))
        throw new Error('must be the ARN of a role, such as arn:aws:iam::123456789012:role/publish');
    },
  ),
  'aws-region': checkedText(
    'Region of the bucket and of STS, such as `eu-central-1`. `AWS_REGION` or `AWS_DEFAULT_REGION` when not given; `us-east-1` where `endpoint-url` is given.',
    checkRegion,
  ),
  'role-duration': {
    ...input.duration({
      description:
        'How long the credentials of the role live, 15m to 12h, at most what the role allows. They are replaced while the action runs.',
      default: '1h',
    }),
    parse: (text: string): number => {
      const durationMs = parseDurationMs(text);
      if (durationMs < minDurationMs || durationMs > maxDurationMs)
        throw new Error('it is not between 15m and 12h');
      return durationMs;
    },
  },
  audience: checkedText(
    'Audience of the OIDC token. `sts.amazonaws.com` when not given (in China `sts.amazonaws.com.cn`).',
  ),
  'role-session-name': checkedText(
    'Name of the session in audit logs. From the repository and the run when not given.',
    (text) => {
      if (!isSessionName(text))
        throw new Error('it is not 2 to 64 letters, digits and characters of _+=,.@-');
    },
  ),
  'session-policy': input.choice({
    description:
      '`scoped` cuts the rights of the role to the bucket and the prefix in use, for this run; `none` leaves them as they are.',
    choices: ['none', 'scoped'],
    default: 'none',
  }),
  'endpoint-url': endpointText('URL of the S3 service, for R2, MinIO and others. AWS when not given.'),
  'sts-endpoint-url': endpointText(
    'URL of the STS that knows the role. The one of AWS in the region when not given.',
  ),
  'force-path-style': input.boolean({
    description: 'Write the bucket into the path of the URL instead of the host, as many servers need it.',
    default: 'false',
  }),
  'expected-account-ids': {
    ...input.lines({
      description:
        'AWS accounts that the credentials may be of; anything else fails before anything is read or written.',
    }),
    parse: (text: string): readonly string[] => {
      const ids = text.split(/[\s,]+/).filter((id) => id !== '');
      if (!ids.every((id) => /^\d{12}$/.test(id))) throw new Error('an account ID has twelve digits');
      return ids;
    },
  },
  'access-key-id': {
    ...input.text({
      description: 'An access key, where no role can be assumed. Together with `secret-access-key`.',
    }),
    form: 'token' as const,
  },
  'secret-access-key': {
    ...input.secret({ description: 'The secret of `access-key-id`.' }),
    form: 'line' as const,
  },
  'session-token': input.token({ description: 'The session token, where the keys are temporary.' }),
};

/** Throws an `Error` for what cannot be a region: it becomes a part of host names. */
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
