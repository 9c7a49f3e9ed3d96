import { urlSigningKeyProblem } from '@slipway/aws';
import { awsProblems } from '@slipway/aws-actions';
import type { Problem } from '@slipway/core';
import { defaultLengthSeconds, keysBelow, secretProblem, secretWeakness } from '@slipway/download-window';
import type { InputSurroundings } from '@slipway/runner';
import { parseStoreUrl } from '@slipway/store';
import type { Inputs } from './inputs.ts';

/** More windows than this are a mistake in the lengths. */
const maxCoveredWindows = 100;

export type InputFinding = Problem<'secret-weak' | 'window-length-unusual' | 'no-base-url'>;

/** Contradictions between the inputs, as sentences. */
export function inputProblems(given: Inputs, surroundings: InputSurroundings): readonly string[] {
  const { operation, destination } = given;
  const problems: string[] = [];
  const isS3 = destination !== undefined && parseStoreUrl(destination).kind === 's3';
  problems.push(...awsProblems(given, surroundings, { needed: isS3 && operation !== 'window' }));
  if (operation !== 'window' && destination === undefined) {
    problems.push(`destination is not given, but ${operation} requires it`);
  }
  if (operation !== 'cleanup') problems.push(...secretProblems(given), ...urlProblems(given));
  if ((publishes(given) || operation === 'verify') && given.artifacts === undefined) {
    if (given.files.length === 0)
      problems.push('neither artifacts nor files are given: there is nothing to publish');
  }
  if (!keysBelow(given.prefix).startsWith(keysBelow(given.originPath))) {
    problems.push('origin-path is not the beginning of prefix, so the CDN could not serve the files');
  }
  const covered = (2 * given.clockTolerance) / given.windowLength + given.windows + 1;
  if (covered > maxCoveredWindows) {
    problems.push(
      `windows and clock-tolerance together cover more than ${maxCoveredWindows} windows: raise window-length, or lower one of them`,
    );
  }
  return problems;
}

function publishes({ operation }: Inputs): boolean {
  return operation === 'publish' || operation === 'renew';
}

function secretProblems(given: Inputs): readonly string[] {
  const { scheme, secret, previousSecret, keyPairId, previousKeyPairId } = given;
  if (secret === undefined) return ['secret is not given: links are derived from it'];
  const problemOf = (text: string): string | undefined =>
    scheme === 'cloudfront-signed' ? urlSigningKeyProblem(text) : secretProblem(scheme, text);
  const problems = Object.entries({ secret, 'previous-secret': previousSecret }).flatMap(([name, text]) => {
    const problem = text === undefined ? undefined : problemOf(text);
    return problem === undefined ? [] : [`${name} cannot be used with the scheme ${scheme}: ${problem}`];
  });
  if (scheme !== 'cloudfront-signed') return problems;
  if (keyPairId === undefined) problems.push('key-pair-id is not given: CloudFront identifies the key by it');
  if (previousSecret !== undefined && previousKeyPairId === undefined) {
    problems.push('previous-secret is given without previous-key-pair-id');
  }
  return problems;
}

function urlProblems({ operation, scheme, baseUrl }: Inputs): readonly string[] {
  if (baseUrl !== undefined) return [];
  if (operation === 'verify') return ['base-url is not given: verify sends its requests there'];
  return scheme === 'cloudfront-signed' ? ['base-url is not given: signatures cover the whole URL'] : [];
}

/** Warnings and notices about valid inputs. */
export function inputFindings(given: Inputs): readonly InputFinding[] {
  const findings: InputFinding[] = [];
  if (given.operation === 'cleanup') return findings;
  if (given.scheme === 'window-sha256') {
    for (const [name, secret] of Object.entries({
      secret: given.secret,
      'previous-secret': given.previousSecret,
    })) {
      const weakness = secret === undefined ? undefined : secretWeakness(secret);
      if (weakness === undefined) continue;
      findings.push({
        code: 'secret-weak',
        severity: 'warning',
        message: `The ${name} is weak: ${weakness}. Anyone with one link of window-sha256 can guess it, and then create all links.`,
        hint: 'Use a random secret (openssl rand -hex 32), with the old one as previous-secret until the site uses the new one; or use the scheme window-hmac.',
      });
    }
    if (given.windowLength !== defaultLengthSeconds * 1_000) {
      findings.push({
        code: 'window-length-unusual',
        severity: 'notice',
        message:
          'Other implementations of window-sha256 use windows of 12h: the site must use the same window-length.',
      });
    }
  }
  if (publishes(given) && given.baseUrl === undefined) {
    findings.push({
      code: 'no-base-url',
      severity: 'notice',
      message: 'Without base-url, the outputs contain keys but no links.',
    });
  }
  return findings;
}
