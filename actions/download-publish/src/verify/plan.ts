import { type Problem, printable } from '@slipway/core';
import type { Addresses, PastAndPresent, WrongLink } from '../addresses.ts';
import { headerDifferences } from '../headers.ts';
import { hasOtherBytes, type WantedObject } from '../publish/plan.ts';
import { shownKey } from '../redacted-links.ts';
import type { ReleaseFile } from '../release-files.ts';
import type { StoredState } from '../stored-state.ts';

export type VerifyCode =
  | 'object-missing'
  | 'object-other-bytes'
  | 'object-other-headers'
  | 'link-not-served'
  | 'link-stale'
  | 'wrong-link-served'
  | 'old-link-served'
  | 'refusal-unproven';
export type VerifyFinding = Problem<VerifyCode>;

/** A GET that must answer with exactly a file. */
export interface ServeStep {
  readonly kind: 'prove-served';
  readonly window: number;
  readonly key: string;
  readonly url: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** A GET that must be refused. */
export interface RefuseStep extends WrongLink {
  readonly kind: 'prove-refused';
  readonly sizeBytes: number;
  readonly sha256: string;
}

export interface VerifyPlan {
  readonly windows: readonly number[];
  /** Objects that are stored correctly. */
  readonly soundObjects: number;
  readonly steps: readonly (ServeStep | RefuseStep)[];
  /** What is wrong with what is stored. */
  readonly findings: readonly VerifyFinding[];
}

/** An address with what is stored there. */
export interface ObservedAddress {
  readonly wanted: WantedObject;
  readonly url: string;
  readonly stored: StoredState;
  /** Whether it must be stored by now, unlike what a publish stores in advance. */
  readonly isDue: boolean;
}

export interface VerifyInput {
  readonly windows: readonly number[];
  readonly observed: readonly ObservedAddress[];
  readonly files: readonly ReleaseFile[];
  readonly addresses: Addresses;
  readonly pastAndPresent: PastAndPresent;
  readonly nowMs: number;
}

/** Decides what to request from the CDN, and reports what is already wrong. Pure. */
export function planVerify(input: VerifyInput): VerifyPlan {
  const { observed, files, addresses, pastAndPresent, nowMs } = input;
  const expected = observed.filter(({ stored, isDue }) => isDue || stored.kind !== 'missing');
  const findings = expected.flatMap(findingsOf);
  const steps: (ServeStep | RefuseStep)[] = expected.map(({ wanted, url }) => {
    const { window, key, sizeBytes, sha256 } = wanted;
    return { kind: 'prove-served', window, key, url, sizeBytes, sha256 };
  });
  for (const file of files) {
    const { sizeBytes, sha256 } = file;
    const wrong = [
      ...addresses.wrong(file, pastAndPresent.current),
      ...addresses.old(file, pastAndPresent, nowMs),
    ];
    for (const link of wrong) steps.push({ kind: 'prove-refused', ...link, sizeBytes, sha256 });
  }
  return {
    windows: input.windows,
    soundObjects: expected.filter((one) => findingsOf(one).length === 0).length,
    steps,
    findings,
  };
}

function findingsOf({ wanted, stored }: ObservedAddress): readonly VerifyFinding[] {
  const key = shownKey(wanted.key);
  if (stored.kind === 'missing') {
    return [
      {
        code: 'object-missing',
        severity: 'error',
        key,
        message: 'It is not stored.',
        hint: 'Run publish: it stores only what is missing.',
      },
    ];
  }
  if (hasOtherBytes(wanted, stored)) {
    const what =
      stored.sizeBytes === wanted.sizeBytes
        ? 'its SHA-256 differs'
        : `it has ${stored.sizeBytes} bytes, but the file has ${wanted.sizeBytes}`;
    return [
      {
        code: 'object-other-bytes',
        severity: 'error',
        key,
        message: `Another file is stored: ${what}.`,
        hint: 'Verify the files that were published, or publish these under other names.',
      },
    ];
  }
  const different = stored.headers === undefined ? [] : headerDifferences(stored.headers, wanted.headers);
  if (different.length === 0) return [];
  return [
    {
      code: 'object-other-headers',
      severity: 'error',
      key,
      message: `It is stored with different headers: ${printable(different.join(', '))}.`,
      hint: 'Run publish with the same inputs, including grace and window-length: it stores objects again whose headers differ.',
    },
  ];
}
