import { asSlipwayError, type SlipwayError, sentence } from '@slipway/core';

const maxCauses = 8;

/** An error as every front end shows it: `<action> failed with: <message>`, then the hint, then the code to search for. */
export function failureText(action: string, error: SlipwayError): string {
  const message = error.message.includes('\n') ? error.message : sentence(error.message);
  const hint = error.hint === undefined ? '' : `\n${error.hint}`;
  return `${action} failed with: ${message}${hint}\n(${error.code})`;
}

/** The stack of an error and of its causes, for debug runs. */
export function failureStack(error: unknown): string {
  const stacks: string[] = [];
  let current: unknown = error;
  while (current !== undefined && stacks.length < maxCauses) {
    const { stack } = current instanceof Error ? current : asSlipwayError(current);
    stacks.push(stack ?? String(current));
    current = current instanceof Error ? current.cause : undefined;
  }
  return stacks.join('\ncaused by: ');
}
