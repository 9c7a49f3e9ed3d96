import { createHash } from 'node:crypto';
import { type AwsCredentials, RemoteError, retrying, retryNotice, SlipwayError } from '@slipway/core';
import { assertAccount } from './account.ts';
import { requireSendable } from './ambient.ts';
import { decodeClaims } from './id-claims.ts';
import { fetchIdToken, requireIdTokens } from './id-token.ts';
import { refusalError } from './refusal.ts';
import { accountOfArn, defaultAudience, parseRoleArn } from './role-arn.ts';
import { defaultSessionName } from './session-name.ts';
import type { CredentialPorts, CredentialSettings, RoleSettings } from './settings.ts';
import { stsClient, stsHost } from './sts.ts';
import { stsFailure } from './sts-failure.ts';

/** How long transient failures of GitHub and STS are retried. */
const deadlineMs = 30_000;
const backoff = { baseMs: 250, capMs: 5_000 };
const maxTokenWaitMs = 10_000;

/**
 * Assumes a role with tokens from GitHub, a new one for each attempt: no token is ever sent twice. Throws refusals at once as
 * `RemoteError` `credentials-refused`; retries transient failures for about 30 seconds. Throws `UserError` `credentials-missing` if
 * this job may not request tokens.
 */
export function roleCredentials(
  role: RoleSettings,
  settings: CredentialSettings,
  ports: CredentialPorts,
): () => Promise<AwsCredentials> {
  requireIdTokens(ports.environment);
  const sent = new Set<string>();
  return () =>
    retrying(
      {
        clock: ports.clock,
        deadlineMs,
        backoff,
        onRetry: (error, waitMs) => ports.progress.info(retryNotice(error, waitMs)),
      },
      ({ leftMs }) => assumeOnce({ role, settings, ports, sent }, leftMs),
    );
}

interface Attempt {
  readonly role: RoleSettings;
  readonly settings: CredentialSettings;
  readonly ports: CredentialPorts;
  /** Digests of the tokens sent to STS. */
  readonly sent: Set<string>;
}

async function assumeOnce({ role, settings, ports, sent }: Attempt, leftMs: number): Promise<AwsCredentials> {
  const { environment, mask } = ports;
  const audience = role.audience ?? defaultAudience(parseRoleArn(role.arn) ?? { partition: 'aws' });
  const timeoutMs = Math.min(leftMs, maxTokenWaitMs);
  const token = await fetchIdToken({ environment, audience, timeoutMs, mask });
  requireNew(token, sent);
  const place = { region: settings.region, endpointUrl: settings.stsEndpointUrl, environment };
  const client = await stsClient(place);
  try {
    const { AssumeRoleWithWebIdentityCommand } = await import('@aws-sdk/client-sts');
    const command = new AssumeRoleWithWebIdentityCommand({
      RoleArn: role.arn,
      RoleSessionName: role.sessionName ?? defaultSessionName(environment),
      WebIdentityToken: token,
      DurationSeconds: Math.round(role.durationMs / 1000),
      Policy: role.sessionPolicy,
    });
    const answer = await client.send(command, { abortSignal: AbortSignal.timeout(leftMs) });
    const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = answer.Credentials ?? {};
    if (!AccessKeyId || !SecretAccessKey || !SessionToken) throw incomplete(stsHost(place));
    mask(SecretAccessKey);
    mask(SessionToken);
    requireSendable(
      { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken },
      {
        whose: `the credentials that STS at ${stsHost(place)} gave`,
        hint: 'Check sts-endpoint-url, and the server behind it: such credentials cannot be sent in a request.',
      },
    );
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
  } catch (error) {
    if (error instanceof SlipwayError) throw error;
    const failure = stsFailure(error, stsHost(place), [token]);
    if (failure.kind === 'failed') throw failure.error;
    const claims = decodeClaims(token);
    throw refusalError({ ...failure, role, audience, claims, nowMs: ports.clock.nowMs() });
  } finally {
    client.destroy();
  }
}

function requireNew(token: string, sent: Set<string>): void {
  const digest = createHash('sha256').update(token).digest('base64');
  if (sent.has(digest)) {
    throw new RemoteError('unexpected-response', "GitHub's token endpoint gave the same token twice.", {
      hint: 'Tokens are sent to STS only once. Check https://www.githubstatus.com and run again.',
      retryable: true,
    });
  }
  sent.add(digest);
}

function incomplete(host: string): RemoteError {
  return new RemoteError('unexpected-response', `${host} answered without credentials.`, {
    hint: 'Check sts-endpoint-url.',
  });
}
