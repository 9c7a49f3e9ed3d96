import { checksumsText } from './checksums.ts';
import type { Inputs } from './inputs.ts';
import type { Observation, SignatureState } from './observe.ts';
import { signatureSuffix } from './sources.ts';

export type Reason = Exclude<SignatureState, 'good'>;

export type Step =
  | {
      readonly kind: 'sign-file';
      readonly path: string;
      readonly name: string;
      readonly sizeBytes: number;
      readonly sha256: string;
      readonly signaturePath: string;
      readonly reason: Reason;
    }
  | { readonly kind: 'write-checksums'; readonly path: string; readonly text: string }
  | {
      readonly kind: 'sign-checksums';
      readonly text: string;
      readonly signaturePath: string;
      readonly form: Inputs['checksumsSignature'];
      readonly reason: Reason;
    };

export interface Plan {
  readonly fingerprint: string;
  readonly steps: readonly Step[];
  readonly alreadySigned: number;
}

/** Signs what lacks a good signature by this key: the files, then the checksums once they are written. Pure. */
export function plan(
  { fingerprint, files, checksumsPath, checksums }: Observation,
  given: Pick<Inputs, 'signatures' | 'checksumsSignature'>,
): Plan {
  const steps: Step[] = [];
  let alreadySigned = 0;
  for (const { path, name, sizeBytes, sha256, signature } of given.signatures === 'all' ? files : []) {
    const signaturePath = path + signatureSuffix;
    if (signature === 'good') alreadySigned += 1;
    else steps.push({ kind: 'sign-file', path, name, sizeBytes, sha256, signaturePath, reason: signature });
  }
  const text = checksumsText(files);
  if (!checksums.isThere) steps.push({ kind: 'write-checksums', path: checksumsPath, text });
  if (checksums.signature === 'good') {
    alreadySigned += 1;
  } else {
    steps.push({
      kind: 'sign-checksums',
      text,
      signaturePath: checksumsPath + signatureSuffix,
      form: given.checksumsSignature,
      reason: checksums.signature,
    });
  }
  return { fingerprint, steps, alreadySigned };
}
