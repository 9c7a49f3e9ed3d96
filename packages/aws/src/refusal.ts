import { printable, RemoteError } from '@slipway/core';
import { audiences, claimLines, claimText, claimTimeMs, type IdClaims } from './id-claims.ts';
import { parseRoleArn } from './role-arn.ts';
import type { RoleSettings } from './settings.ts';
import { githubIssuer, type Subject, subjectOf, trustPolicy } from './trust-policy.ts';

export interface Refusal {
  /** The code and message of STS, printable. */
  readonly code: string;
  readonly message: string;
  readonly role: RoleSettings;
  /** The audience that the token was requested for. */
  readonly audience: string;
  readonly claims: IdClaims;
  readonly nowMs: number;
}

/** Codes that are about the request itself: nothing in the token explains them. */
const requestHints: Readonly<Record<string, string>> = {
  MalformedPolicyDocument:
    'STS rejected the session policy. Set session-policy: none, and report this as a bug.',
  PackedPolicyTooLarge:
    'The session policy and the session tags together are too large for STS. Set session-policy: none, or use a shorter prefix.',
  ValidationError:
    'Check role-to-assume, role-session-name and role-duration: it cannot exceed the MaxSessionDuration of the role (one hour unless changed).',
  RegionDisabled:
    'STS is not active in this region for the account: use another aws-region, or set sts-endpoint-url to https://sts.amazonaws.com.',
};

/** Explains why STS refused a token, with all that helps to fix it, and nothing of the token itself. */
export function refusalError(refusal: Refusal): RemoteError {
  const { code, message, role } = refusal;
  const said = message === '' ? code : `${code}: ${message}`;
  return new RemoteError(
    'credentials-refused',
    `STS does not let ${printable(role.arn)} be assumed (${said})`,
    {
      hint: requestHints[code] ?? explanation(refusal),
    },
  );
}

function explanation(refusal: Refusal): string {
  const { role, audience, claims } = refusal;
  const subject = subjectOf(claims);
  const reasons = likelyReasons(refusal);
  const paragraphs = [
    reasons.length === 0
      ? "Compare the trust policy of the role with the token's claims: every condition must match."
      : `Possible reasons:\n${reasons.map((reason) => `- ${reason}`).join('\n')}`,
    `The token's claims:\n${indented(claimLines(claims))}`,
  ];
  if (subject !== undefined) paragraphs.push(subjectForms(subject));
  const arn = parseRoleArn(role.arn);
  if (arn !== undefined) {
    paragraphs.push(
      `A trust policy for the role that accepts this token:\n${trustPolicy(claims, arn, audience)}`,
    );
  }
  return paragraphs.join('\n');
}

function likelyReasons({ code, message, audience, claims, nowMs }: Refusal): readonly string[] {
  const reasons: string[] = [];
  const given = audiences(claims);
  if (given.length > 0 && !given.includes(audience)) {
    reasons.push(
      `aud is "${printable(given.join(', '))}", but "${printable(audience)}" was requested: STS uses the one in the token.`,
    );
  }
  const expiresAtMs = claimTimeMs(claims, 'exp');
  const beginsAtMs = claimTimeMs(claims, 'nbf') ?? claimTimeMs(claims, 'iat');
  if (expiresAtMs !== undefined && expiresAtMs <= nowMs) {
    reasons.push(
      `the token expired at ${new Date(expiresAtMs).toISOString()}, and this machine's clock says ${new Date(nowMs).toISOString()}: check the clock.`,
    );
  }
  if (beginsAtMs !== undefined && beginsAtMs > nowMs) {
    reasons.push(
      `the token is only valid from ${new Date(beginsAtMs).toISOString()}, and this machine's clock says ${new Date(nowMs).toISOString()}: check the clock.`,
    );
  }
  if (code === 'InvalidIdentityToken' || code === 'IDPRejectedClaim') {
    reasons.push(
      `the account needs an OpenID Connect provider for exactly the iss of the token, with "${printable(audience)}" among its audiences.`,
    );
  }
  const issuer = claimText(claims, 'iss');
  if (issuer !== undefined && issuer !== githubIssuer) {
    reasons.push(
      `the issuer of the token is ${printable(issuer)}, not ${githubIssuer}: the role must trust a provider with exactly that URL.`,
    );
  }
  if (/signature|key ?id|verification key/i.test(message)) {
    reasons.push(
      'the signature of the token does not match the keys that its issuer publishes: check whether a proxy changes it.',
    );
  }
  const environment = claimText(claims, 'environment');
  if (environment !== undefined) {
    reasons.push(
      `the job has the environment "${printable(environment)}", so sub ends in it and not in a branch or a tag.`,
    );
  } else if (/^pull_request/.test(claimText(claims, 'event_name') ?? '')) {
    reasons.push('the run is for a pull request, so sub names no branch.');
  }
  return reasons;
}

function subjectForms({ text, form, otherText }: Subject): string {
  if (form === undefined) {
    return `sub has a custom form of your organisation (${printable(text)}): conditions on it must use the same form.`;
  }
  const forms = {
    names: 'names alone, repo:OWNER/REPOSITORY:…',
    numbers:
      'names and numbers, repo:OWNER@ID/REPOSITORY@ID:…, as those of repositories created or renamed since 2026-07-15',
  };
  const other = otherText === undefined ? '' : ` In the other form it would be ${printable(otherText)}.`;
  const rest = form === 'names' ? forms.numbers : forms.names;
  return (
    'GitHub has two forms of sub, and a condition written for one never matches the other. ' +
    `This token has ${forms[form]}; others have ${rest}.${other}`
  );
}

function indented(lines: readonly string[]): string {
  return lines.length === 0 ? '  (they cannot be read)' : lines.map((line) => `  ${line}`).join('\n');
}
