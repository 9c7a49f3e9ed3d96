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

/** Notices about an accepted message. */
export function noticesOf({ parsed, signer }: ExaminedMessage, given: Inputs): readonly Finding[] {
  const notices: Finding[] = [];
  if (signer === undefined) {
    notices.push({
      code: 'unsigned',
      severity: 'warning',
      message: 'the message is not signed: anyone who may dispatch to this repository could have sent it',
    });
  }
  if (parsed === undefined) {
    notices.push({
      code: 'replay-unlimited',
      severity: 'warning',
      message: 'the message has no id and no time, so it can be replayed without limit',
    });
  } else if (given.seen === undefined) {
    notices.push({
      code: 'replay-limited-by-age',
      severity: 'notice',
      message: `claimed messages are not recorded: the same message is accepted again until it expires or is ${formatDuration(given.maxAge)} old`,
      hint: 'Set seen to the URL of a store.',
    });
  }
  return notices;
}
