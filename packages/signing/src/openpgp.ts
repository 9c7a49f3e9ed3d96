import type * as OpenPgp from 'openpgp';

export type { OpenPgp };

let loading: Promise<typeof OpenPgp> | undefined;

/** Loads OpenPGP.js on first use: it is large, and runs should log something before that. */
export function loadOpenPgp(): Promise<typeof OpenPgp> {
  loading ??= import('openpgp');
  return loading;
}
