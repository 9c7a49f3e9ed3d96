import { type AwsCredentials, RemoteError } from '@slipway/core';
import { assertAccount } from './account.ts';
import { decodeClaims } from './id-claims.ts';
import { fetchIdToken, requireIdTokens } from './id-token.ts';
import { refusalError } from './refusal.ts';
import { retried } from './retry.ts';
import { accountOfArn, defaultAudience, parseRoleArn } from './role-arn.ts';
import { defaultSessionName } from './session-name.ts';
import type { CredentialPorts, CredentialSettings, RoleSettings } from './settings.ts';
import { stsClient, stsHost } from './sts.ts';
import { stsFailure } from './sts-failure.ts';

/** How long passing failures of GitHub and STS are borne with. */
const deadlineMs = 30_000;
const maxTokenWaitMs = 10_000;

interface Attempt {
  readonly role: RoleSettings;
  readonly settings: CredentialSettings;
  readonly ports: CredentialPorts;
}

/**
 * Assumes the role with a token from GitHub, and with a new one for each attempt: a token is never sent twice. Refusals
 * are thrown at once as `RemoteError` `credentials-refused`; passing failures are borne with for about 30 seconds.
 */
export async function assumeRole(attempt: Attempt): Promise<AwsCredentials> {
  const { clock, environment, progress } = attempt.ports;
  requireIdTokens(environment);
  return retried((leftMs) => assumeOnce(attempt, leftMs), {
    clock,
    deadlineMs,
    onRetry: (error, waitMs) =>
      progress.info(`${error.message} Trying again in ${(waitMs / 1000).toFixed(1)} s with a new token.`),
  });
}

async function assumeOnce({ role, settings, ports }: Attempt, leftMs: number): Promise<AwsCredentials> {
  const { clock, environment, mask } = ports;
  const arn = parseRoleArn(role.arn);
  const audience = role.audience ?? defaultAudience({ partition: arn?.partition ?? 'aws' });
  const timeoutMs = Math.min(leftMs, maxTokenWaitMs);
  const token = await fetchIdToken({ environment, audience, timeoutMs, mask });
  const place = { region: settings.region, endpointUrl: settings.stsEndpointUrl, environment };
  const client = await stsClient(place);
  const { AssumeRoleWithWebIdentityCommand } = await import('@aws-sdk/client-sts');
  let answer: Awaited<ReturnType<typeof send>>;
  const send = () =>
    client.send(
      new AssumeRoleWithWebIdentityCommand({
        RoleArn: role.arn,
        RoleSessionName: role.sessionName ?? defaultSessionName(environment),
        WebIdentityToken: token,
        DurationSeconds: Math.round(role.durationMs / 1000),
        Policy: role.sessionPolicy,
      }),
      { abortSignal: AbortSignal.timeout(leftMs) },
    );
  try {
    answer = await send();
  } catch (error) {
    const failure = stsFailure(error, stsHost(place), [token]);
    if (failure.kind === 'failed') throw failure.error;
    const claims = decodeClaims(token);
    throw refusalError({ ...failure, role, audience, claims, nowMs: clock.nowMs() });
  } finally {
    client.destroy();
  }
  const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = answer.Credentials ?? {};
  if (!AccessKeyId || !SecretAccessKey || !SessionToken) throw incomplete(stsHost(place));
  mask(SecretAccessKey);
  mask(SessionToken);
  const credentials: AwsCredentials = {
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    sessionToken: SessionToken,
    expiresAtMs: Expiration?.getTime(),
  };
  await assertAccount(credentials, {
    expected: settings.expectedAccountIds ?? [],
    known: accountOfArn(answer.AssumedRoleUser?.Arn ?? ''),
    place,
  });
  return credentials;
}

function incomplete(host: string): RemoteError {
  return new RemoteError('unexpected-response', `${host} answered without credentials.`, {
    hint: 'Check sts-endpoint-url.',
  });
}
