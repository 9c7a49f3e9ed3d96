import { type Expectation, proveServed, type Served } from '@slipway/aws';
import {
  counted,
  mapConcurrently,
  type ObjectStore,
  RemoteError,
  type SlipwayError,
  sentence,
  unreachable,
  withDetails,
} from '@slipway/core';
import { windowAt } from '@slipway/download-window';
import type { ActionContext } from '@slipway/runner';
import type { Addresses } from './addresses.ts';
import {
  bestMs,
  type Clocks,
  coveredWindows,
  dueWindows,
  newestOver,
  readClocks,
  refuseDisagreement,
} from './clocks.ts';
import { headersOf } from './headers.ts';
import type { Inputs } from './inputs.ts';
import type { Operation } from './operation.ts';
import type { ReleaseFile } from './release-files.ts';
import { shownKey, shownUrl } from './shown.ts';
import { lookAtObject } from './stored-objects.ts';
import {
  type LookedAt,
  planVerify,
  type RefuseStep,
  type ServeStep,
  type VerifyFinding,
  type VerifyPlan,
} from './verify-plan.ts';

const looksAtOnce = 16;

export interface ProvenStep {
  readonly step: ServeStep | RefuseStep;
  readonly served: Served;
}

export interface Verified {
  readonly clocks: Clocks;
  readonly plan: VerifyPlan;
  /** Undefined for a dry run. */
  readonly proofs: readonly ProvenStep[] | undefined;
  readonly findings: readonly VerifyFinding[];
  readonly failure: SlipwayError | undefined;
}

/**
 * Looks whether the files are stored as they should be, and asks the CDN for each: links must give the files, and wrong and
 * old ones must not. What is wrong is a finding, and fails the run at its end.
 */
export async function verifyFiles(
  files: readonly ReleaseFile[],
  addresses: Addresses,
  store: ObjectStore,
  { given, rules, context }: Operation,
): Promise<Verified> {
  const { progress, clock } = context;
  const clocks = await readClocks(clock, store);
  refuseDisagreement(clocks, rules.toleranceMs);
  const due = new Set(dueWindows(clocks, rules));
  const windows = coveredWindows(clocks, rules);
  const places = windows.flatMap((window) =>
    files.flatMap((file) => addresses.of(file, window).map((address) => ({ window, file, ...address }))),
  );
  progress.start(`Looking at ${counted(places.length, 'object')}`, places.length, 'entries');
  const looked = await mapConcurrently(places, looksAtOnce, async (place): Promise<LookedAt> => {
    const { window, file, key, url = '' } = place;
    const { platform, name, path = '', sizeBytes, sha256 } = file;
    const headers = headersOf(name, window, rules);
    const wanted = { key, window, platform, name, path, sizeBytes, sha256, headers };
    const stored = await lookAtObject(store, key, sizeBytes);
    progress.advance(1);
    return { wanted, url, stored, isDue: due.has(window) };
  });
  const nowMs = bestMs(clocks);
  const plan = planVerify({
    windows,
    looked,
    files,
    addresses,
    pastAndPresent: {
      current: windowAt(nowMs, rules.lengthSeconds).number,
      over: newestOver(clocks, rules),
    },
    nowMs,
  });
  if (given.dryRun) {
    for (const step of plan.steps) progress.info(`Would ask for ${stepText(step)}`);
    return { clocks, plan, proofs: undefined, findings: plan.findings, failure: undefined };
  }
  const proofs = await prove(plan, given, context);
  const findings = [...plan.findings, ...proofs.flatMap(findingOf)];
  return { clocks, plan, proofs, findings, failure: failureOf(findings) };
}

function stepText(step: ServeStep | RefuseStep): string {
  return step.kind === 'prove-served'
    ? `${shownKey(step.key)}, which must be served`
    : `${shownUrl(step.url)}, which must be refused (${refusedWords[step.what]})`;
}

const refusedWords: Readonly<Record<RefuseStep['what'], string>> = {
  'wrong-hash': 'its hash is wrong',
  'old-window': 'its window is past',
  'no-signature': 'it has no signature',
  'wrong-signature': 'its signature is of another link',
  'expired-signature': 'its signature has expired',
};

async function prove(
  { steps }: VerifyPlan,
  given: Inputs,
  { clock, environment, progress }: ActionContext,
): Promise<readonly ProvenStep[]> {
  const serve = steps.filter((step) => step.kind === 'prove-served');
  const refuse = steps.filter((step) => step.kind === 'prove-refused');
  const ask = async <Step extends Expectation>(
    asked: readonly Step[],
    isEnough?: (served: Served) => boolean,
  ): Promise<readonly { readonly step: Step; readonly served: Served }[]> => {
    const all = await proveServed(asked, {
      clock,
      deadlineMs: clock.nowMs() + given.verifyDeadline,
      proxyEnvironment: environment,
      followRedirects: false,
      onDone: () => progress.advance(1),
      isEnough,
    });
    return asked.flatMap((step, index) => {
      const served = all[index];
      return served === undefined ? [] : [{ step, served }];
    });
  };
  progress.start(`Asking the CDN for ${counted(serve.length, 'link')}`, serve.length, 'entries');
  const proofs: ProvenStep[] = [...(await ask(serve))];
  if (refuse.length > 0) {
    progress.start(
      `Asking for ${counted(refuse.length, 'link')} that must be refused`,
      refuse.length,
      'entries',
    );
    // Only where nobody answered is there a reason to ask again.
    proofs.push(...(await ask(refuse, ({ kind }) => kind !== 'failed')));
  }
  return proofs;
}

function findingOf({ step, served }: ProvenStep): readonly VerifyFinding[] {
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
          hint: 'A cache may have what was replaced: invalidate it. A page with status 200 for what is missing must have another status.',
        },
      ];
    case 'forbidden':
    case 'missing':
      return [
        {
          ...finding,
          code: 'link-not-served',
          message: sentence(withDetails(`The CDN answers ${served.status}`, served.details)),
          hint: 'Does base-url lead to destination? A CDN keeps the answer that there is nothing for a while.',
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
      const what = served.kind === 'fresh' ? 'opens the file' : 'is answered with status 200';
      const isOld = step.what === 'old-window' || step.what === 'expired-signature';
      return [
        {
          ...finding,
          code: isOld ? 'old-link-served' : 'wrong-link-served',
          message: `This link must be refused, since ${why}, and it ${what}.`,
          hint:
            step.what === 'old-window'
              ? 'Run cleanup. If the object is gone already, a cache keeps it longer than Cache-Control says: look at its minimum TTL.'
              : 'Let the CDN answer 403 or 404 for what is not there or not signed, also with a page of its own.',
        },
      ];
    }
    case 'failed':
      return [
        {
          ...finding,
          code: 'refusal-unproven',
          message: sentence(`This link must be refused with 403 or 404, since ${why}: ${served.reason}`),
          hint: 'A redirect or a failure is no refusal: let the CDN answer 403 or 404.',
        },
      ];
    default:
      return unreachable(served);
  }
}

function failureOf(findings: readonly VerifyFinding[]): RemoteError | undefined {
  if (findings.length === 0) return undefined;
  return new RemoteError(
    'not-served',
    `${counted(findings.length, 'check')} of the downloads failed: the findings above say which.`,
    { hint: 'Nothing was changed.' },
  );
}
