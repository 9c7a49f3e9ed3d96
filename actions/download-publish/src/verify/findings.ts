import type { Served } from '@slipway/aws';
import { counted, RemoteError, sentence, unreachable, withDetails } from '@slipway/core';
import { shownKey, shownUrl } from '../redacted-links.ts';
import type { ProvenStep } from './execute.ts';
import type { RefuseStep, ServeStep, VerifyFinding } from './plan.ts';

export const refusedWords: Readonly<Record<RefuseStep['what'], string>> = {
  'wrong-hash': 'its hash is wrong',
  'old-window': 'its window is past',
  'no-signature': 'it has no signature',
  'wrong-signature': 'its signature belongs to another link',
  'expired-signature': 'its signature has expired',
};

/** The problem that a response of the CDN shows, if any. */
export function findingOf({ step, served }: ProvenStep): readonly VerifyFinding[] {
  return step.kind === 'prove-served' ? servedFinding(step, served) : refusedFinding(step, served);
}

function servedFinding({ key }: ServeStep, served: Served): readonly VerifyFinding[] {
  const finding = { severity: 'error', key: shownKey(key) } as const;
  switch (served.kind) {
    case 'fresh':
      return [];
    case 'stale':
      return [
        {
          ...finding,
          code: 'link-stale',
          message: sentence(
            withDetails('The CDN serves other bytes', served.sha256 ?? 'of another size', served.details),
          ),
          hint: 'A cache may still have the replaced file: invalidate it. If this is an error page with status 200, change its status.',
        },
      ];
    case 'forbidden':
    case 'missing':
      return [
        {
          ...finding,
          code: 'link-not-served',
          message: sentence(withDetails(`The CDN answers ${served.status}`, served.details)),
          hint: 'Does base-url lead to destination? A CDN also caches the response for a missing file for a while.',
        },
      ];
    case 'failed':
      return [
        {
          ...finding,
          code: 'link-not-served',
          message: sentence(`The CDN does not serve it: ${served.reason}`),
          hint: 'Check base-url.',
        },
      ];
    default:
      return unreachable(served);
  }
}

function refusedFinding(step: RefuseStep, served: Served): readonly VerifyFinding[] {
  const why = refusedWords[step.what];
  const finding = { severity: 'error', key: shownUrl(step.url) } as const;
  switch (served.kind) {
    case 'forbidden':
    case 'missing':
      return [];
    case 'fresh':
    case 'stale': {
      const what = served.kind === 'fresh' ? 'opens the file' : 'returns status 200';
      const isOld = step.what === 'old-window' || step.what === 'expired-signature';
      return [
        {
          ...finding,
          code: isOld ? 'old-link-served' : 'wrong-link-served',
          message: `This link must be refused because ${why}, but it ${what}.`,
          hint:
            step.what === 'old-window'
              ? 'Run cleanup. If the object is already gone, a cache keeps it longer than Cache-Control says: check its minimum TTL.'
              : 'Let the CDN answer 403 or 404 for missing or unsigned links, with an error page of its own if you like.',
        },
      ];
    }
    case 'failed':
      return [
        {
          ...finding,
          code: 'refusal-unproven',
          message: sentence(`This link must be refused with 403 or 404 because ${why}: ${served.reason}`),
          hint: 'A redirect or an error is not a refusal: let the CDN answer 403 or 404.',
        },
      ];
    default:
      return unreachable(served);
  }
}

/** The failure of a run with these findings; undefined if there are none. */
export function failureOf(findings: readonly VerifyFinding[]): RemoteError | undefined {
  if (findings.length === 0) return undefined;
  return new RemoteError(
    'not-served',
    `${counted(findings.length, 'check')} of the downloads failed: see the findings above.`,
    { hint: 'Nothing was changed.' },
  );
}
