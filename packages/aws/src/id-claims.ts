import { parseStrictJson, printable } from '@slipway/core';

/** The unverified claims of a token: good enough to explain a refusal, never to trust. */
export type IdClaims = Readonly<Record<string, unknown>>;

const maxTokenCharacters = 64 * 1024;
const maxValueCharacters = 300;

/** Claims that trust policies use, in display order. */
const shownClaims = [
  'iss',
  'sub',
  'aud',
  'repository',
  'repository_id',
  'repository_owner_id',
  'ref',
  'environment',
  'event_name',
  'job_workflow_ref',
  'workflow_ref',
  'runner_environment',
] as const;
const shownTimes = ['iat', 'nbf', 'exp'] as const;

/** The claims in a token's payload; empty if it cannot be read. Never throws. */
export function decodeClaims(token: string): IdClaims {
  if (token.length > maxTokenCharacters) return {};
  try {
    const claims = parseStrictJson(Buffer.from(token.split('.')[1] ?? '', 'base64url'));
    return typeof claims === 'object' && claims !== null && !Array.isArray(claims) ? { ...claims } : {};
  } catch {
    return {};
  }
}

/** A claim that is a text or a number, as a text. */
export function claimText(claims: IdClaims, name: string): string | undefined {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
  if (typeof value === 'string') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  return undefined;
}

/** A time claim, in milliseconds since 1970. */
export function claimTimeMs(claims: IdClaims, name: (typeof shownTimes)[number]): number | undefined {
  const seconds = Object.hasOwn(claims, name) ? claims[name] : undefined;
  return typeof seconds === 'number' && Math.abs(seconds) < 8.64e12 ? seconds * 1000 : undefined;
}

/** `name: value` lines of the relevant claims: printable, bounded, without the token itself. */
export function claimLines(claims: IdClaims): readonly string[] {
  const texts = shownClaims.flatMap((name) => {
    const value = name === 'aud' ? audiences(claims).join(', ') : claimText(claims, name);
    return value === undefined || value === '' ? [] : [`${name}: ${printable(value, maxValueCharacters)}`];
  });
  const times = shownTimes.flatMap((name) => {
    const timeMs = claimTimeMs(claims, name);
    return timeMs === undefined ? [] : [`${name}: ${new Date(timeMs).toISOString()}`];
  });
  return [...texts, ...times];
}

/** The audiences of a token: `aud` is a text or a list of them. */
export function audiences(claims: IdClaims): readonly string[] {
  const value = Object.hasOwn(claims, 'aud') ? claims['aud'] : undefined;
  const values: readonly unknown[] = Array.isArray(value) ? value.slice(0, 10) : [value];
  return values.filter((one) => typeof one === 'string');
}
