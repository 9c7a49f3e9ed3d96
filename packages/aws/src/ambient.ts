import {
  type AwsCredentials,
  type Environment,
  printable,
  RemoteError,
  type SlipwayError,
  UserError,
} from '@slipway/core';
import { permissionLines } from './id-token.ts';
import type { KeySettings } from './settings.ts';

const pairNames = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'] as const;

/** What is wrong with the key pair in the environment, if anything: half of one. */
export function ambientPairProblem(environment: Environment): string | undefined {
  const given = pairNames.filter((name) => environment[name]);
  if (given.length !== 1) return undefined;
  const missing = pairNames.find((name) => !environment[name]);
  return `${given[0]} is set in the environment, but ${missing} is not: set both or neither`;
}

/** The key pair in the environment, unless a profile is named there, which goes before it. */
export function ambientKeys(environment: Environment): KeySettings | undefined {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_PROFILE } = environment;
  if (!AWS_ACCESS_KEY_ID || !AWS_SECRET_ACCESS_KEY || AWS_PROFILE) return undefined;
  return {
    accessKeyId: AWS_ACCESS_KEY_ID,
    secretAccessKey: AWS_SECRET_ACCESS_KEY,
    sessionToken: AWS_SESSION_TOKEN || undefined,
  };
}

/**
 * Asks the rest of the chain that all of AWS's tools go along: shared config, a token file, the container's or the
 * machine's own role. Throws `UserError` `credentials-missing` when none of them has any, and `RemoteError`
 * `credentials-refused` when the one that there is cannot be used.
 */
export async function chainCredentials(region: string): Promise<() => Promise<AwsCredentials>> {
  const { defaultProvider } = await import('@aws-sdk/credential-provider-node');
  const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };
  const chain = defaultProvider({ clientConfig: { region }, logger: silent });
  return async () => {
    try {
      const { accessKeyId, secretAccessKey, sessionToken, expiration } = await chain({ forceRefresh: true });
      return { accessKeyId, secretAccessKey, sessionToken, expiresAtMs: expiration?.getTime() };
    } catch (cause) {
      throw chainFailure(cause);
    }
  };
}

/** The words with which the chain ends when no link of it had anything. */
const nothingFound = 'Could not load credentials from any providers';

function chainFailure(cause: unknown): SlipwayError {
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
  return new UserError(
    'credentials-missing',
    'There are no AWS credentials: no role and no keys are given, and neither the environment, nor the shared configuration, nor the machine has any',
    {
      hint: `Give role-to-assume, and the job these two lines:\n${permissionLines}\nOr give access-key-id and secret-access-key.`,
      cause,
    },
  );
}
