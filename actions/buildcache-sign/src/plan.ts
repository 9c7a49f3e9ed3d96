import { counted } from '@slipway/core';

export interface Observation {
  readonly fingerprint: string;
  readonly entries: readonly ObservedEntry[];
  /** When signing into another directory: what is staged, and which entries that directory already has. */
  readonly output: ObservedOutput | undefined;
}

export interface ObservedEntry {
  readonly key: string;
  readonly payloadSha256: string;
  /** Fingerprint of the key that made its good signature. */
  readonly signedBy: string | undefined;
}

export interface ObservedOutput {
  /** Keys of all staged blobs, and of everything else staged. */
  readonly blobs: readonly string[];
  readonly documents: readonly string[];
  /** Who signed the entries it already has with the same payload, by key. */
  readonly signers: ReadonlyMap<string, string | undefined>;
}

export type Step =
  | { readonly kind: 'copy-objects'; readonly keys: readonly string[] }
  | { readonly kind: 'sign-manifest'; readonly key: string; readonly payloadSha256: string }
  | { readonly kind: 'add-public-key'; readonly fingerprint: string };

export interface Plan {
  readonly steps: readonly Step[];
  readonly alreadySigned: number;
}

/** Signs what has no good signature by this key, and adds the public key. Blobs are copied before what refers to them. */
export function plan({ fingerprint, entries, output }: Observation): Plan {
  const unsigned = entries.filter(({ key, signedBy }) => {
    const signer = output?.signers.has(key) ? output.signers.get(key) : signedBy;
    return signer !== fingerprint;
  });
  const steps: Step[] = [];
  if (output !== undefined) {
    const signedNow = new Set(unsigned.map(({ key }) => key));
    const documents = output.documents.filter((key) => !signedNow.has(key));
    for (const keys of [output.blobs, documents]) {
      if (keys.length > 0) steps.push({ kind: 'copy-objects', keys });
    }
  }
  for (const { key, payloadSha256 } of unsigned) steps.push({ kind: 'sign-manifest', key, payloadSha256 });
  steps.push({ kind: 'add-public-key', fingerprint });
  return { steps, alreadySigned: entries.length - unsigned.length };
}

/** A plan for the log of a dry run. */
export function describe({ steps }: Plan): readonly string[] {
  return steps.map(describeStep);
}

function describeStep(step: Step): string {
  switch (step.kind) {
    case 'copy-objects':
      return `Would copy ${counted(step.keys.length, 'object')}`;
    case 'sign-manifest':
      return `Would sign ${step.key}`;
    case 'add-public-key':
      return `Would add the public key ${step.fingerprint}`;
  }
}
