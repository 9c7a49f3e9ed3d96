import { printable } from '@slipway/core';

const shownDigits = 4;

/**
 * A key for logs and summaries, whose readers may not have access to the links: it shows only the first digits of the hash. The
 * outputs and the report contain the full links.
 */
export function shownKey(key: string): string {
  return printable(
    key.replace(/\/([0-9a-f]{32}|[0-9a-f]{16})\//, (_, hash: string) => `/${hash.slice(0, shownDigits)}…/`),
  );
}

/** A link for logs: with its key as in `shownKey`, and without its signature. */
export function shownUrl(url: string): string {
  return shownKey(url.replace(/\?.*/s, '?…'));
}
