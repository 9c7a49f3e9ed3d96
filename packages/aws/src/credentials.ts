import { type AwsCredentials, type AwsCredentialsSource, UserError } from '@slipway/core';
import { assertAccount } from './account.ts';
import { ambientKeys, ambientPairProblem, chainCredentials } from './ambient.ts';
import { refreshing } from './refreshing.ts';
import type { CredentialPorts, CredentialSettings, KeySettings } from './settings.ts';
import { roleCredentials } from './web-identity.ts';

/**
 * Where credentials come from: a role that is assumed with OIDC tokens, or else the given keys, or else what the
 * environment and the machine have. Nothing is fetched or loaded before the first are asked for; all that is secret is
 * masked before it is given out, and of an expected account. Throws `UserError` `credentials-missing` when it is plain
 * already that there can be none; the source throws that, and `RemoteError` `credentials-refused`.
 */
export function openCredentials(settings: CredentialSettings, ports: CredentialPorts): AwsCredentialsSource {
  return refreshing(fetcher(settings, ports), ports);
}

function fetcher(settings: CredentialSettings, ports: CredentialPorts): () => Promise<AwsCredentials> {
  const { environment } = ports;
  const { role, keys } = settings;
  if (role !== undefined) return roleCredentials(role, settings, ports);
  if (keys !== undefined) return async () => checked(keys, settings, ports);
  const problem = ambientPairProblem(environment);
  if (problem !== undefined) throw new UserError('credentials-missing', problem);
  const inEnvironment = ambientKeys(environment);
  if (inEnvironment !== undefined) return async () => checked(inEnvironment, settings, ports);
  let chain: Promise<() => Promise<AwsCredentials>> | undefined;
  return async () => {
    chain ??= chainCredentials(settings.region);
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
  await assertAccount(credentials, {
    expected: settings.expectedAccountIds ?? [],
    place: { region: settings.region, endpointUrl: settings.stsEndpointUrl, environment },
  });
  return credentials;
}
