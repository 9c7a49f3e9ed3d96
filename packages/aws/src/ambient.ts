import {
  type AwsCredentials,
  type Environment,
  formFault,
  printable,
  RemoteError,
  type SlipwayError,
  type TextForm,
  UserError,
  variableOf,
  variableProblem,
} from '@slipway/core';
import { permissionLines } from './id-token.ts';
import { namedProfile, sharedFiles } from './profile.ts';
import type { KeySettings } from './settings.ts';

const pairNames = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'] as const;

/** Keys must fit into requests: the ID and the token go into headers, and the secret signs. */
const keyForms = { accessKeyId: 'token', secretAccessKey: 'line', sessionToken: 'token' } as const;

const keyVariables: Readonly<Record<string, TextForm>> = {
  AWS_ACCESS_KEY_ID: keyForms.accessKeyId,
  AWS_SECRET_ACCESS_KEY: keyForms.secretAccessKey,
  AWS_SESSION_TOKEN: keyForms.sessionToken,
};

/** Problems with the keys in the environment, as sentences: half of a pair, or an impossible value. */
export function ambientKeyProblems(environment: Environment): readonly string[] {
  const problems = Object.entries(keyVariables).flatMap(
    ([name, form]) => variableProblem(environment, name, form) ?? [],
  );
  const [given, ...others] = pairNames.filter((name) => variableOf(environment, name) !== undefined);
  const missing = pairNames.find((name) => variableOf(environment, name) === undefined);
  if (given === undefined || others.length > 0) return problems;
  return [...problems, `${given} is set in the environment, but ${missing} is not: set both or neither`];
}

/** The key pair in the environment. As in AWS's tools, it takes precedence over AWS_PROFILE. */
export function ambientKeys(environment: Environment): KeySettings | undefined {
  const accessKeyId = variableOf(environment, 'AWS_ACCESS_KEY_ID');
  const secretAccessKey = variableOf(environment, 'AWS_SECRET_ACCESS_KEY');
  if (accessKeyId === undefined || secretAccessKey === undefined) return undefined;
  return { accessKeyId, secretAccessKey, sessionToken: variableOf(environment, 'AWS_SESSION_TOKEN') };
}

/** Throws `RemoteError` `credentials-refused` for keys from any source that cannot be sent in a request. */
export function requireSendable(
  keys: KeySettings,
  {
    whose = 'these credentials',
    hint = 'Check the file or program that provides the credentials of this machine.',
  } = {},
): void {
  for (const name of ['accessKeyId', 'secretAccessKey', 'sessionToken'] as const) {
    const fault = formFault(keys[name] ?? '', keyForms[name]);
    if (fault === undefined) continue;
    throw new RemoteError('credentials-refused', `The ${name} of ${whose} cannot be used: ${fault}`, {
      hint,
    });
  }
}

/**
 * Asks the rest of the chain that AWS's tools use: shared config, a token file, the role of the container or machine. Throws
 * `UserError` `credentials-missing` if none gives credentials or the named profile does not exist, and `RemoteError`
 * `credentials-refused` if the one found cannot be used.
 */
export async function chainCredentials(
  region: string,
  environment: Environment,
): Promise<() => Promise<AwsCredentials>> {
  const profile = await namedProfile(environment);
  const { defaultProvider } = await import('@aws-sdk/credential-provider-node');
  const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };
  const chain = defaultProvider({
    clientConfig: { region },
    logger: silent,
    ...sharedFiles(environment),
    ...chainSettings(environment, profile),
  });
  return async () => {
    try {
      const { accessKeyId, secretAccessKey, sessionToken, expiration } = await chain({ forceRefresh: true });
      return { accessKeyId, secretAccessKey, sessionToken, expiresAtMs: expiration?.getTime() };
    } catch (cause) {
      throw chainFailure(cause, profile);
    }
  };
}

/** What the SDK would read from variables itself, line breaks included. */
function chainSettings(
  environment: Environment,
  profile: string | undefined,
): {
  readonly profile?: string;
  readonly webIdentityTokenFile?: string;
  readonly roleArn?: string;
  readonly roleSessionName?: string;
} {
  const webIdentityTokenFile = variableOf(environment, 'AWS_WEB_IDENTITY_TOKEN_FILE');
  const roleArn = variableOf(environment, 'AWS_ROLE_ARN');
  const roleSessionName = variableOf(environment, 'AWS_ROLE_SESSION_NAME');
  return {
    ...(profile === undefined ? {} : { profile }),
    ...(webIdentityTokenFile === undefined ? {} : { webIdentityTokenFile }),
    ...(roleArn === undefined ? {} : { roleArn }),
    ...(roleSessionName === undefined ? {} : { roleSessionName }),
  };
}

/** The SDK's message if no link of the chain had credentials. */
const nothingFound = 'Could not load credentials from any providers';

function chainFailure(cause: unknown, profile: string | undefined): SlipwayError {
  const { name, message } = cause instanceof Error ? cause : new Error(String(cause));
  if (message !== nothingFound) {
    return new RemoteError(
      'credentials-refused',
      `The credentials of this machine cannot be used (${printable(name)}: ${printable(message)})`,
      {
        hint: 'Check the shared configuration and the AWS_… variables, or give role-to-assume or keys.',
        cause,
      },
    );
  }
  if (profile !== undefined) {
    return new UserError(
      'credentials-missing',
      `The profile "${printable(profile, 100)}", which AWS_PROFILE names, has no credentials, and neither has this machine`,
      { hint: 'Check its section of the shared configuration, or use another profile.', cause },
    );
  }
  return new UserError(
    'credentials-missing',
    'There are no AWS credentials: no role or keys are given, and none were found in the environment, the shared configuration or the machine',
    {
      hint: `Set role-to-assume, and add these two lines to the job:\n${permissionLines}\nOr set access-key-id and secret-access-key.`,
      cause,
    },
  );
}
