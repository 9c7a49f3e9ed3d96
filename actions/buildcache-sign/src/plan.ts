/** What is known before anything is signed. */
export interface Observation {
  readonly fingerprint: string;
  readonly entries: readonly ObservedEntry[];
  /** Keys of all staged objects, when they are to be copied first. */
  readonly copies: readonly string[];
}

export interface ObservedEntry {
  readonly key: string;
  readonly payloadSha256: string;
  readonly signedBy: string | undefined;
}

export type Step =
  | { readonly kind: 'copy-objects'; readonly keys: readonly string[] }
  | { readonly kind: 'sign-manifest'; readonly key: string; readonly payloadSha256: string }
  | { readonly kind: 'add-public-key'; readonly fingerprint: string };

export interface Plan {
  readonly steps: readonly Step[];
  readonly alreadySigned: number;
}

/** Signs what lacks a good signature by this key, and adds its public half. */
export function plan(observation: Observation): Plan {
  const unsigned = observation.entries.filter((entry) => entry.signedBy !== observation.fingerprint);
  const steps: Step[] = [];
  if (observation.copies.length > 0) steps.push({ kind: 'copy-objects', keys: observation.copies });
  for (const { key, payloadSha256 } of unsigned) steps.push({ kind: 'sign-manifest', key, payloadSha256 });
  steps.push({ kind: 'add-public-key', fingerprint: observation.fingerprint });
  return { steps, alreadySigned: observation.entries.length - unsigned.length };
}
