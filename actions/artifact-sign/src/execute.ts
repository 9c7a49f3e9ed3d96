import { createHash } from 'node:crypto';
import {
  asSlipwayError,
  counted,
  mapConcurrently,
  type ProgressPort,
  printable,
  type SlipwayError,
  UserError,
  unreachable,
  writeError,
} from '@slipway/core';
import { readStable, replaceFile } from '@slipway/local-files';
import type { Signer } from '@slipway/signing';
import type { Plan, Step } from './plan.ts';

export interface Result {
  /** Paths of the signatures made, even if the run failed afterwards. */
  readonly signed: readonly string[];
  readonly failure: SlipwayError | undefined;
}

const chunkBytes = 2 ** 20;
const concurrentFiles = 4;

/**
 * Carries out a plan, dating signatures `signedAtMs` if given. Each file is put in place whole, so running it again
 * completes an interrupted run.
 */
export async function execute(
  plan: Plan,
  signer: Signer,
  progress: ProgressPort,
  signedAtMs?: number,
): Promise<Result> {
  const signed: string[] = [];
  try {
    const files = plan.steps.filter((step) => step.kind === 'sign-file');
    const totalBytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    if (files.length > 0) progress.start(`Signing ${counted(files.length, 'file')}`, totalBytes, 'bytes');
    await mapConcurrently(files, concurrentFiles, async (step) => {
      await putInPlace(step.signaturePath, await signFile(step, signer, progress, signedAtMs));
      signed.push(step.signaturePath);
    });
    for (const step of plan.steps) {
      switch (step.kind) {
        case 'sign-file':
          break;
        case 'write-checksums':
          await putInPlace(step.path, step.text);
          break;
        case 'sign-checksums':
          await putInPlace(step.signaturePath, await signText(step, signer, signedAtMs));
          signed.push(step.signaturePath);
          break;
        default:
          unreachable(step);
      }
    }
    return { signed, failure: undefined };
  } catch (error) {
    return { signed, failure: asSlipwayError(error) };
  }
}

/** Signs a file, which must still have the bytes in the checksums. */
async function signFile(
  { path, sizeBytes, sha256 }: Extract<Step, { kind: 'sign-file' }>,
  signer: Signer,
  progress: ProgressPort,
  signedAtMs: number | undefined,
): Promise<string> {
  const signing = signer.startDetached(signedAtMs);
  const digesting = createHash('sha256');
  for await (const bytes of readStable(path, { chunkBytes, expectedSizeBytes: sizeBytes })) {
    digesting.update(bytes);
    signing.update(bytes);
    progress.advance(bytes.length);
  }
  if (digesting.digest('hex') !== sha256) {
    throw new UserError('content-invalid', `${printable(path)} changed while it was being signed`, {
      hint: 'Make sure that nothing writes to the files while this step runs, and run it again.',
    });
  }
  return signing.finish();
}

async function signText(
  { text, form }: Extract<Step, { kind: 'sign-checksums' }>,
  signer: Signer,
  signedAtMs: number | undefined,
): Promise<string> {
  if (form === 'clear-signed') return signer.clearSign(text, signedAtMs);
  const signing = signer.startDetached(signedAtMs);
  signing.update(Buffer.from(text));
  return signing.finish();
}

async function putInPlace(path: string, text: string): Promise<void> {
  try {
    await replaceFile(path, text);
  } catch (error) {
    throw writeError(
      path,
      error,
      'Signatures are written beside their files, so that directory must be writable.',
    );
  }
}
