import { formatDuration, type Problem } from '@slipway/core';
import type { RefusalCode } from '@slipway/dispatch-payload';
import type { ExaminedMessage } from './examine.ts';
import type { Inputs } from './inputs.ts';

export type FindingCode =
  | RefusalCode
  | 'replay-limited-by-age'
  | 'replay-unlimited'
  | 'unsigned'
  | 'not-forgotten';

export type Finding = Problem<FindingCode>;

/** What is worth knowing of a message that is accepted. */
export function noticesOf({ parsed, signer }: ExaminedMessage, given: Inputs): readonly Finding[] {
  const notices: Finding[] = [];
  if (signer === undefined) {
    notices.push({
      code: 'unsigned',
      severity: 'warning',
      message: 'the message is not signed: whoever may dispatch to this repository can have sent it',
    });
  }
  if (parsed === undefined) {
    notices.push({
      code: 'replay-unlimited',
      severity: 'warning',
      message: 'the message has no id and no time: it can be sent again and again',
    });
  } else if (given.seen === undefined) {
    notices.push({
      code: 'replay-limited-by-age',
      severity: 'notice',
      message: `nothing remembers which messages were taken: the same one is accepted again until it expires or is ${formatDuration(given.maxAge)} old`,
      hint: 'Give a store to "seen".',
    });
  }
  return notices;
}
