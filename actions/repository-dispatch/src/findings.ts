import { counted, type Problem, printable, RemoteError, type SlipwayError } from '@slipway/core';
import type { GitHubFailureCode } from '@slipway/github';
import type { TargetResult } from './execute.ts';

export type FindingCode =
  | GitHubFailureCode
  | 'outcome-unknown'
  | 'run-failed'
  | 'run-not-ended'
  | 'run-not-seen'
  | 'runs-not-readable'
  | 'earlier-run-failed'
  | 'unsigned';

export type Finding = Problem<FindingCode>;

const absentHint =
  'Its workflow must be on the default branch, have this event type under "on: repository_dispatch", and have github.event.client_payload.slipway.id in its run-name.';

/** Why a target failed, or what is worth knowing about it; undefined when there is nothing to report. */
export function findingOf({ target, id, delivery, ending }: TargetResult): Finding | undefined {
  const found = (
    severity: Finding['severity'],
    code: FindingCode,
    message: string,
    hint?: string,
  ): Finding => {
    return { code, severity, key: target, message, hint };
  };
  if (delivery.kind === 'failed') return found('error', delivery.code, delivery.reason, delivery.hint);
  if (delivery.kind === 'unknown') {
    return found(
      'error',
      'outcome-unknown',
      `it is unknown whether GitHub accepted the message ${id}, and it was not sent again: ${delivery.reason}`,
      'Look for a run there. Running this step again sends the same message, which dispatch-verify with "seen" accepts only once; resend-unknown sends it again immediately.',
    );
  }
  if (ending === undefined) return earlierFailure(delivery, found);
  switch (ending.kind) {
    case 'ended':
      if (ending.conclusion === 'success') return undefined;
      return found(
        'error',
        'run-failed',
        `its run ended with ${printable(ending.conclusion)}: ${printable(ending.run.url)}`,
        'Run it again there. Another "id" sends a new message.',
      );
    case 'deadline':
      return ending.run === undefined
        ? found('error', 'run-not-seen', ending.reason, absentHint)
        : found(
            'error',
            'run-not-ended',
            `${ending.reason}: ${printable(ending.run.url)}`,
            'Raise wait-deadline.',
          );
    default:
      return found('error', 'runs-not-readable', `its run cannot be waited for: ${ending.reason}`);
  }
}

function earlierFailure(
  delivery: TargetResult['delivery'],
  found: (severity: Finding['severity'], code: FindingCode, message: string, hint?: string) => Finding,
): Finding | undefined {
  if (delivery.kind !== 'already-sent') return undefined;
  const { status, conclusion, url } = delivery.run;
  if (status !== 'completed' || conclusion === 'success') return undefined;
  return found(
    'warning',
    'earlier-run-failed',
    `it was notified before, and its run ended with ${printable(conclusion ?? 'nothing')}: ${printable(url)}`,
    'Run it again there. Another "id" sends a new message.',
  );
}

/** The failure of a run in which a target was not notified, or a receiver's run did not succeed. */
export function failureOf(results: readonly TargetResult[]): SlipwayError | undefined {
  const failed = results.flatMap((result) => {
    const finding = findingOf(result);
    return finding?.severity === 'error' ? [{ result, finding }] : [];
  });
  const [first] = failed;
  if (first === undefined) return undefined;
  const undelivered = failed.filter(({ result }) => isUndelivered(result));
  const what =
    undelivered.length > 0
      ? `${undelivered.length} of ${counted(results.length, 'target')} were not notified`
      : `${failed.length} of ${counted(results.length, "receiver's run", "receivers' runs")} did not succeed`;
  const { finding } = undelivered[0] ?? first;
  return new RemoteError(
    undelivered.length > 0 ? 'dispatch-failed' : 'receiver-failed',
    `${what}: ${finding.key}: ${finding.message} (${finding.code})`,
    { hint: finding.hint },
  );
}

/** Whether a target was not notified, or may not have been. */
export function isUndelivered({ delivery }: TargetResult): boolean {
  return delivery.kind === 'failed' || delivery.kind === 'unknown';
}
