import type { Environment } from '@slipway/core';

/**
 * When signatures say that they were made: `SOURCE_DATE_EPOCH`, seconds since 1970, so that the same release signed again has the
 * same bytes. Undefined for the time of signing. Throws an `Error` for a text that is no such time.
 */
export function signatureTimeMs(environment: Environment): number | undefined {
  const text = environment['SOURCE_DATE_EPOCH']?.trim() ?? '';
  if (text === '') return undefined;
  if (!/^\d{1,12}$/.test(text))
    throw new Error('SOURCE_DATE_EPOCH must be a whole number of seconds since 1970');
  return Number(text) * 1000;
}

/** What is wrong with `SOURCE_DATE_EPOCH`, if anything, as a list of a sentence. */
export function signatureTimeProblems(environment: Environment): readonly string[] {
  try {
    signatureTimeMs(environment);
    return [];
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}
