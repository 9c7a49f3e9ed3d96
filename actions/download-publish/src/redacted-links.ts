import { printable } from '@slipway/core';

const shownDigits = 4;

/**
 * A key for logs and summaries, which are read by people who may not have the links: it shows only the first digits of the
 * hash. The outputs and the report have the whole links.
 */
export function shownKey(key: string): string {
  return printable(
    key.replace(/\/([0-9a-f]{32}|[0-9a-f]{16})\//, (_, hash: string) => `/${hash.slice(0, shownDigits)}…/`),
  );
}

/** A link for logs: with its key as `shownKey` shows it, and without its signature. */
export function shownUrl(url: string): string {
  return shownKey(url.replace(/\?.*/s, '?…'));
}
