import type { Expectation, Served } from '@slipway/aws';
import { counted, type Problem, printable, RemoteError, type SlipwayError, unreachable } from '@slipway/core';
import type { ProvenUrl, Result } from './execute.ts';
import type { Plan } from './plan.ts';

export type FindingCode =
  | 'served-stale'
  | 'served-forbidden'
  | 'served-missing'
  | 'served-failed'
  | 'invalidation-reused'
  | 'tags-unchecked'
  | 'wildcard-made'
  | 'prefix-repeated'
  | 'proof-not-invalidated'
  | 'pending-not-noted'
  | 'destination-unknown'
  | 'own-documents-served';

export type Finding = Problem<FindingCode>;

/** Why a URL that does not serve what was published is an error, and what to do; undefined for one that does. */
export function servedFinding({ expectation, served }: ProvenUrl, isUncovered = false): Finding | undefined {
  const error = (code: FindingCode, message: string, hint: string): Finding => {
    return { code, severity: 'error', key: expectation.url, message, hint };
  };
  switch (served.kind) {
    case 'fresh':
      return undefined;
    case 'stale':
      return error(
        'served-stale',
        `the served bytes differ from the published ones (${found(expectation, served)})${detailed(served.details)}`,
        isUncovered
          ? 'No path of this run covers it, so it was not invalidated: add its path to paths.'
          : '"Hit" in X-Cache, or a high Age: a cache has an old copy, so check path-prefix, the distribution, and other caches in between. "Miss": the origin itself has other bytes.',
      );
    case 'forbidden':
      return error(
        'served-forbidden',
        `the server answers ${served.status}${detailed(served.details)}`,
        "Either the object is missing and the CDN may not list the bucket (grant it s3:ListBucket to get 404 instead), or it is blocked: by the bucket's policy, the origin access control, signed URLs, or a firewall.",
      );
    case 'missing':
      return error(
        'served-missing',
        `the server answers ${served.status}${detailed(served.details)}`,
        'Either it is not where the CDN looks (check path-prefix and the origin path), or the CDN still serves a 404 from before: CloudFront keeps errors for ErrorCachingMinTTL, 10 seconds unless it is set.',
      );
    case 'failed':
      return error(
        'served-failed',
        `${served.reason}${detailed(served.details)}`,
        'Check the URL of the CDN and its origin, then run again: that costs nothing.',
      );
    default:
      return unreachable(served);
  }
}

function found({ sha256 }: Expectation, served: Extract<Served, { kind: 'stale' }>): string {
  const other = served.sha256 === undefined ? 'another size' : `SHA-256 ${served.sha256.slice(0, 16)}…`;
  return `${other} instead of ${sha256.slice(0, 16)}…`;
}

function detailed(details: string): string {
  return details === '' ? '' : `; ${details}`;
}

/** All findings of a run, errors first. */
export function findingsOf(plan: Plan, result: Result | undefined): readonly Finding[] {
  const findings: Finding[] = [...servedFindings(plan, result)];
  findings.push(
    ...plan.uncovered.asked.map((url): Finding => {
      const message =
        'prove names it, but no path of this run invalidates it; that is fine if it did not change';
      return { code: 'proof-not-invalidated', severity: 'notice', key: url, message };
    }),
  );
  if (plan.unknownDestination !== undefined) {
    findings.push({
      code: 'destination-unknown',
      severity: 'warning',
      message: `no publish has left a record at destination (${printable(plan.unknownDestination, 200)}), so nothing is known to be pending there`,
      hint: 'Check that destination is exactly the destination or mirror of the publish, and that this job may read it.',
    });
  }
  const [twice] = plan.prefixedTwice;
  if (twice !== undefined) {
    findings.push({
      code: 'prefix-repeated',
      severity: 'warning',
      message: `${counted(plan.prefixedTwice.length, 'path')} with path-prefix twice, such as ${printable(twice, 200)}`,
      hint: 'path-prefix is put before each path: remove it from the paths, or leave path-prefix out.',
    });
  }
  for (const { reused, invalidation } of result?.invalidations ?? []) {
    // Proven content needs no further invalidation.
    if (!reused || (result?.proofs.length ?? 0) > 0) continue;
    findings.push({
      code: 'invalidation-reused',
      severity: 'warning',
      message: `${invalidation.id} was completed before this run, so nothing was invalidated now`,
      hint: 'If something was published since, set a reference that changes with it, or prove.',
    });
  }
  if (result?.ownUrlServed === true) {
    findings.push({
      code: 'own-documents-served',
      severity: 'notice',
      message:
        'the CDN serves .slipway/ of the destination, where Slipway keeps notes for later runs: digests, and deleted paths',
      hint: 'Nothing there is secret, but clients do not need it: deny s3:GetObject on .slipway/* to the CDN in the policy of the bucket.',
    });
  }
  if (result?.notForgotten !== undefined) {
    findings.push({
      code: 'pending-not-noted',
      severity: 'warning',
      message: `what is proven could not be recorded in the destination: ${result.notForgotten}`,
      hint: 'Everything is served as published. Allow s3:GetObject and s3:PutObject for the destination; until then, each publish lists these paths again.',
    });
  }
  if (plan.tags.length > 0 && result !== undefined && result.cacheTagHeader === undefined) {
    findings.push({
      code: 'tags-unchecked',
      severity: 'notice',
      message:
        'it is unknown whether the distribution reads cache tags; if it does not, they invalidate nothing',
      hint: 'Allow cloudfront:GetDistributionConfig, so that this can be checked.',
    });
  }
  for (const { kind, name, reason, covers } of plan.targets) {
    if (kind !== 'prefix' || reason === 'asked') continue;
    findings.push({
      code: 'wildcard-made',
      severity: 'notice',
      message: `"${name}*" replaces ${covers} of the paths${reason === 'tilde' ? ', which CloudFront cannot invalidate by name because of "~",' : ''} and invalidates everything else that begins with it`,
    });
  }
  return findings;
}

function servedFindings({ uncovered }: Plan, result: Result | undefined): readonly Finding[] {
  const all = new Set(result?.mended === true ? [] : uncovered.all);
  return (result?.proofs ?? []).flatMap(
    (proven) => servedFinding(proven, all.has(proven.expectation.url)) ?? [],
  );
}

/** The failure of a run whose proofs did not all succeed. */
export function notServed(plan: Plan, result: Result | undefined): SlipwayError | undefined {
  const failed = servedFindings(plan, result);
  const [first] = failed;
  if (first === undefined) return undefined;
  return new RemoteError(
    'not-served',
    `${failed.length} of ${(result?.proofs.length ?? 0).toLocaleString('en-US')} URLs do not serve what was published: ${first.key}: ${first.message} (${first.code})`,
    { hint: first.hint, retryable: true },
  );
}
