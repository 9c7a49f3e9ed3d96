import { type Problem, printable } from '@slipway/core';
import type { Addresses, PastAndPresent, WrongLink } from './addresses.ts';
import { headerDifferences } from './headers.ts';
import { hasOtherBytes, type WantedObject } from './publish-plan.ts';
import type { ReleaseFile } from './release-files.ts';
import { shownKey } from './shown.ts';
import type { StoredState } from './stored-objects.ts';

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

/** A GET that must give exactly a file. */
export interface ServeStep {
  readonly kind: 'prove-served';
  readonly window: number;
  readonly key: string;
  readonly url: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** A GET that must be refused, whatever else it gives. */
export interface RefuseStep extends WrongLink {
  readonly kind: 'prove-refused';
  readonly sizeBytes: number;
  readonly sha256: string;
}

export interface VerifyPlan {
  readonly windows: readonly number[];
  /** Objects that are stored as they should be. */
  readonly soundObjects: number;
  readonly steps: readonly (ServeStep | RefuseStep)[];
  /** What is wrong with what is stored. */
  readonly findings: readonly VerifyFinding[];
}

/** An address with what the store has there. */
export interface LookedAt {
  readonly wanted: WantedObject;
  readonly url: string;
  readonly stored: StoredState;
  /** Whether it must be there by now: what a publish makes in advance need not be. */
  readonly isDue: boolean;
}

export interface VerifyInput {
  readonly windows: readonly number[];
  readonly looked: readonly LookedAt[];
  readonly files: readonly ReleaseFile[];
  readonly addresses: Addresses;
  readonly pastAndPresent: PastAndPresent;
  readonly nowMs: number;
}

/** What to ask of the CDN, and what is wrong already. Pure. */
export function planVerify(input: VerifyInput): VerifyPlan {
  const { looked, files, addresses, pastAndPresent, nowMs } = input;
  const expected = looked.filter(({ stored, isDue }) => isDue || stored.kind !== 'missing');
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

function findingsOf({ wanted, stored }: LookedAt): readonly VerifyFinding[] {
  const key = shownKey(wanted.key);
  if (stored.kind === 'missing') {
    return [
      {
        code: 'object-missing',
        severity: 'error',
        key,
        message: 'It is not stored.',
        hint: 'Run publish: it stores what is missing, and nothing else.',
      },
    ];
  }
  if (hasOtherBytes(wanted, stored)) {
    const what =
      stored.sizeBytes === wanted.sizeBytes
        ? 'its SHA-256 is another'
        : `it has ${stored.sizeBytes} bytes, and the file ${wanted.sizeBytes}`;
    return [
      {
        code: 'object-other-bytes',
        severity: 'error',
        key,
        message: `Another file is stored: ${what}.`,
        hint: 'Verify the files that were published; or publish these under other names.',
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
      message: `It is stored with other headers: ${printable(different.join(', '))}.`,
      hint: 'Run publish with the same inputs, grace and window-length among them: it stores what has other headers anew.',
    },
  ];
}
