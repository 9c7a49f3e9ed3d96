import { type AwsCredentials, counted, printable, RemoteError, UserError, withDetails } from '@slipway/core';
import { accountOfArn } from './role-arn.ts';
import { type StsPlace, stsClient, stsHost } from './sts.ts';
import { stsFailure } from './sts-failure.ts';

export interface AccountCheck {
  /** Allowed accounts; all if empty. */
  readonly expected: readonly string[];
  /** The account, if it is already known. */
  readonly known?: string | undefined;
  readonly place: StsPlace;
}

/**
 * Throws `UserError` `input-invalid` that names both accounts if the credentials belong to an unexpected one; asks STS
 * (`GetCallerIdentity`) if the account is unknown. Throws `RemoteError` if STS cannot tell.
 */
export async function assertAccount(credentials: AwsCredentials, check: AccountCheck): Promise<void> {
  const { expected, known, place } = check;
  if (expected.length === 0) return;
  const account = known ?? (await askAccount(credentials, place));
  if (expected.includes(account)) return;
  throw new UserError(
    'input-invalid',
    `These credentials belong to the account ${account}, but expected-account-ids only allows ${expected.join(', ')}. Nothing was read or written.`,
    {
      hint: `Check role-to-assume, or the keys, against the ${counted(expected.length, 'account')} expected.`,
    },
  );
}

async function askAccount(credentials: AwsCredentials, place: StsPlace): Promise<string> {
  const host = stsHost(place);
  const client = await stsClient(place, credentials);
  const { GetCallerIdentityCommand } = await import('@aws-sdk/client-sts');
  try {
    const { Account, Arn } = await client.send(new GetCallerIdentityCommand());
    const account = Account ?? accountOfArn(Arn ?? '');
    if (account !== undefined && /^\d{12}$/.test(account)) return account;
  } catch (error) {
    const { secretAccessKey, sessionToken = '' } = credentials;
    const failure = stsFailure(error, host, [secretAccessKey, sessionToken]);
    if (failure.kind === 'failed') throw failure.error;
    throw new RemoteError(
      'credentials-refused',
      withDetails(
        `STS at ${printable(host)} did not say which account the credentials belong to`,
        failure.code,
        failure.message,
      ),
      {
        hint: 'Check the credentials and sts-endpoint-url. Leave out expected-account-ids for servers without accounts.',
      },
    );
  } finally {
    client.destroy();
  }
  throw new RemoteError('unexpected-response', `STS at ${printable(host)} names no account.`, {
    hint: 'Leave out expected-account-ids for servers without accounts.',
  });
}
