import { type AwsCredentials, type AwsCredentialsSource, UserError, variableOf } from '@slipway/core';
import { assertAccount } from './account.ts';
import { ambientKeyProblems, ambientKeys, chainCredentials, requireSendable } from './ambient.ts';
import { refreshing } from './refreshing.ts';
import type { CredentialPorts, CredentialSettings, KeySettings } from './settings.ts';
import { roleCredentials } from './web-identity.ts';

/**
 * The source of credentials: a role assumed with OIDC tokens, or else the given keys, or else keys in the environment, or else the
 * machine's profile, token file or role. Loads and fetches nothing until first asked. Masks all secrets and checks the account
 * before returning credentials. Throws `UserError` `credentials-missing` if there clearly are none; the source throws that, and
 * `RemoteError` `credentials-refused`.
 */
export function openCredentials(settings: CredentialSettings, ports: CredentialPorts): AwsCredentialsSource {
  return refreshing(fetcher(settings, ports), ports);
}

function fetcher(settings: CredentialSettings, ports: CredentialPorts): () => Promise<AwsCredentials> {
  const { environment } = ports;
  const { role, keys } = settings;
  if (role !== undefined) return roleCredentials(role, settings, ports);
  if (keys !== undefined) return async () => checked(keys, settings, ports);
  const problems = ambientKeyProblems(environment);
  if (problems.length > 0) throw new UserError('credentials-missing', problems.join('; '));
  const inEnvironment = ambientKeys(environment);
  if (inEnvironment !== undefined) {
    if (variableOf(environment, 'AWS_PROFILE') !== undefined) {
      ports.progress.info('AWS_PROFILE is ignored because keys are set in the environment.');
    }
    return async () => checked(inEnvironment, settings, ports);
  }
  let chain: Promise<() => Promise<AwsCredentials>> | undefined;
  return async () => {
    chain ??= chainCredentials(settings.region, environment);
    return checked(await (await chain)(), settings, ports);
  };
}

async function checked(
  credentials: AwsCredentials | KeySettings,
  settings: CredentialSettings,
  { environment, mask }: CredentialPorts,
): Promise<AwsCredentials> {
  mask(credentials.secretAccessKey);
  if (credentials.sessionToken !== undefined) mask(credentials.sessionToken);
  requireSendable(credentials);
  await assertAccount(credentials, {
    expected: settings.expectedAccountIds ?? [],
    place: { region: settings.region, endpointUrl: settings.stsEndpointUrl, environment },
  });
  return credentials;
}
