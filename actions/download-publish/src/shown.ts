import { printable } from '@slipway/core';

const shownDigits = 4;

/**
 * A key for logs and summaries, which more people read than may have the links: of its hash only the first digits are
 * shown. Whoever may have the links finds them in the outputs and in the report.
 */
export function shownKey(key: string): string {
  return printable(
    key.replace(/\/([0-9a-f]{32}|[0-9a-f]{16})\//, (_, hash: string) => `/${hash.slice(0, shownDigits)}…/`),
  );
}

/** A link for logs: the key in it as `shownKey` has it, and no signature. */
export function shownUrl(url: string): string {
  return shownKey(url.replace(/\?.*/s, '?…'));
}
