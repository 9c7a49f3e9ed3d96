import { type Environment, variableOf } from '@slipway/core';

const maxCharacters = 64;

/** Whether STS accepts a session name. */
export function isSessionName(text: string): boolean {
  return /^[\w+=,.@-]{2,64}$/.test(text);
}

/**
 * The session's name in audit logs: `slipway-<owner>-<repository>-<run>`, from `GITHUB_REPOSITORY` and `GITHUB_RUN_ID`, reduced to
 * characters that STS accepts. Never cuts the run, which leads back to the log.
 */
export function defaultSessionName(environment: Environment): string {
  const clean = (text: string): string => text.replaceAll(/[^\w+=,.@-]+/g, '-');
  const repository = clean(variableOf(environment, 'GITHUB_REPOSITORY') ?? '');
  const run = clean(variableOf(environment, 'GITHUB_RUN_ID') ?? '').slice(0, 20);
  const ending = run === '' ? '' : `-${run}`;
  const beginning = repository === '' ? 'slipway' : `slipway-${repository}`;
  return `${beginning.slice(0, maxCharacters - ending.length)}${ending}`;
}
