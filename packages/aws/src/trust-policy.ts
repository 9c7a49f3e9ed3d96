import { printable } from '@slipway/core';
import { claimText, type IdClaims } from './id-claims.ts';
import { defaultAudience, type RoleArn } from './role-arn.ts';

const maxClaimCharacters = 500;
/** The `iss` of GitHub's tokens, except on GitHub Enterprise Server. */
export const githubIssuer = 'https://token.actions.githubusercontent.com';

/** The two forms of GitHub's `sub`: names alone, or names with the numbers of owner and repository. */
export type SubjectForm = 'names' | 'numbers';

export interface Subject {
  readonly text: string;
  /** Undefined for an organisation's custom form. */
  readonly form: SubjectForm | undefined;
  /** The same subject in the other form, if the claims allow it. */
  readonly otherText: string | undefined;
}

/** The `sub` of a token with its form; undefined if it has none. */
export function subjectOf(claims: IdClaims): Subject | undefined {
  const text = claimText(claims, 'sub');
  if (text === undefined || text === '') return undefined;
  const numbers = /^repo:([^:@/]+)@\d+\/([^:@/]+)@\d+:(.*)$/s.exec(text);
  if (numbers !== null) {
    const [, owner, repository, rest] = numbers;
    return { text, form: 'numbers', otherText: `repo:${owner}/${repository}:${rest}` };
  }
  const names = /^repo:([^:@/]+)\/([^:@/]+):(.*)$/s.exec(text);
  if (names === null) return { text, form: undefined, otherText: undefined };
  const [, owner, repository, rest] = names;
  const ownerId = claimText(claims, 'repository_owner_id');
  const repositoryId = claimText(claims, 'repository_id');
  const otherText =
    ownerId === undefined || repositoryId === undefined
      ? undefined
      : `repo:${owner}@${ownerId}/${repository}@${repositoryId}:${rest}`;
  return { text, form: 'names', otherText };
}

/**
 * A trust policy for a role that accepts exactly this token: its issuer, audience and subject. Unknown parts are capitals in angle
 * brackets.
 */
export function trustPolicy(
  claims: IdClaims,
  role: RoleArn,
  audience: string = defaultAudience(role),
): string {
  const text = (value: string): string => printable(value, maxClaimCharacters);
  const provider = text(claimText(claims, 'iss') ?? githubIssuer).replace(/^https?:\/\//, '');
  const account = role.accountId ?? '<ACCOUNT-ID>';
  const policy = {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Federated: `arn:${role.partition}:iam::${account}:oidc-provider/${provider}` },
        Action: 'sts:AssumeRoleWithWebIdentity',
        Condition: {
          StringEquals: {
            [`${provider}:aud`]: text(audience),
            [`${provider}:sub`]: text(subjectOf(claims)?.text ?? '<SUB-OF-THE-TOKEN>'),
          },
        },
      },
    ],
  };
  return JSON.stringify(policy, undefined, 2);
}
