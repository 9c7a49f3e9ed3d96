import type * as OpenPgp from 'openpgp';

export type { OpenPgp };

let loading: Promise<typeof OpenPgp> | undefined;

/** OpenPGP.js, loaded on the first call: it is large, and a run should say its first words before. */
export function loadOpenPgp(): Promise<typeof OpenPgp> {
  loading ??= import('openpgp');
  return loading;
}
