import type { Environment } from '@slipway/core';

/**
 * The date for signatures: `SOURCE_DATE_EPOCH`, in seconds since 1970, so that signing the same release again gives the
 * same bytes. Undefined for the current time. Throws an `Error` if it is not valid.
 */
export function signatureTimeMs(environment: Environment): number | undefined {
  const text = environment['SOURCE_DATE_EPOCH']?.trim() ?? '';
  if (text === '') return undefined;
  if (!/^\d{1,12}$/.test(text))
    throw new Error('SOURCE_DATE_EPOCH must be a whole number of seconds since 1970');
  return Number(text) * 1000;
}

/** The problem with `SOURCE_DATE_EPOCH`, as a list of at most one sentence. */
export function signatureTimeProblems(environment: Environment): readonly string[] {
  try {
    signatureTimeMs(environment);
    return [];
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}
