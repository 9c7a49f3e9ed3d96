import { pathToFileURL } from 'node:url';
import { type ActionRunResult, runAction } from '@slipway/testkit';
import { action } from '../src/action.ts';

/** The key that signed Spack's fixture `v3-signed`. */
export const fixtureFingerprint = '67F228EEAC6C80C02C43871B17FC74288868C64E';
/** The key that signed Spack's fixture `v2-signed`. */
export const fixtureFingerprintV2 = '8D2BD61D01B4C7F1156FB70B80439FF559F7CF00';

export type Inputs = Readonly<Record<string, string | boolean | undefined>>;

export const unsigned: Inputs = { 'allow-unsigned': true };

/** Verifies the mirror in a directory, or at a URL. */
export function verify(mirror: string, inputs: Inputs): Promise<ActionRunResult> {
  const url = mirror.includes('://') ? mirror : pathToFileURL(mirror).href;
  return runAction(action, { mirror: url, ...inputs });
}

/** Codes of all findings except notices. */
export function faultsOf(result: ActionRunResult): string[] {
  return result.problems.filter(({ severity }) => severity !== 'notice').map(({ code }) => code);
}
