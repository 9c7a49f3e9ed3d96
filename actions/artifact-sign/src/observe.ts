import { createHash, hash as hashOnce } from 'node:crypto';
import {
  type Artifact,
  mapConcurrently,
  type Problem,
  type ProgressPort,
  printable,
  UserError,
} from '@slipway/core';
import { hasContents, readBoundedFile, readStable } from '@slipway/local-files';
import type { ActionContext } from '@slipway/runner';
import {
  type DetachedVerdict,
  type Keyring,
  openKeyring,
  parseTrustedKeys,
  type Signer,
} from '@slipway/signing';
import { checksumsText } from './checksums.ts';
import type { Inputs } from './inputs.ts';
import { findSources, type SourceFile, signatureSuffix } from './sources.ts';

/** The state of a file's signature. */
export type SignatureState = 'missing' | 'good' | 'over-other-bytes' | 'by-other-key';

export interface ObservedFile extends SourceFile {
  readonly sha256: string;
  readonly signature: SignatureState;
}

const chunkBytes = 2 ** 20;
const maxSignatureBytes = 2 ** 20;
const concurrentFiles = 4;

export interface Observation {
  readonly fingerprint: string;
  readonly files: readonly ObservedFile[];
  readonly checksumsPath: string;
  /** Whether the checksums exist already, and the state of their signature. */
  readonly checksums: { readonly isThere: boolean; readonly signature: SignatureState };
}

/** The observation, and what else was found. */
export interface Observed {
  readonly observation: Observation;
  readonly artifacts: readonly Artifact[];
  readonly notices: readonly Problem[];
}

/** Finds the files, hashes them, and examines existing signatures and checksums. */
export async function observe(given: Inputs, signer: Signer, context: ActionContext): Promise<Observed> {
  const { workDirectory, progress, clock } = context;
  const { fingerprint, armored } = signer.publicKey;
  const { files: found, artifacts, checksumsPath, notices } = await findSources(given, workDirectory);
  for (const { message } of notices) progress.info(message);
  // Trusts the signing key alone: signatures by other keys are not this action's.
  const keyring = await openKeyring({ trusted: await parseTrustedKeys(armored), candidates: [], clock });
  const files = await observeFiles(found, given.signatures === 'all' ? keyring : undefined, progress);
  const text = checksumsText(files);
  const checksums = await observeChecksums(checksumsPath, text, given.checksumsSignature, keyring);
  return { observation: { fingerprint, files, checksumsPath, checksums }, artifacts, notices };
}

/**
 * Hashes the files and examines their signatures. Throws `UserError`: `immutable-conflict` for a file that is named like a
 * signature but is not one, `content-invalid` for a file that differs from the list of artifacts, and as `readStable`.
 */
async function observeFiles(
  files: readonly SourceFile[],
  keyring: Keyring | undefined,
  progress: ProgressPort,
): Promise<readonly ObservedFile[]> {
  const totalBytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  progress.start(`Hashing ${files.length} files`, totalBytes, 'bytes');
  return mapConcurrently(files, concurrentFiles, async (file) => {
    const signature = keyring === undefined ? undefined : await readSignature(file.path + signatureSuffix);
    const verification = signature === undefined ? undefined : keyring?.startDetached(signature);
    const digesting = createHash('sha256');
    for await (const bytes of readStable(file.path, { chunkBytes, expectedSizeBytes: file.sizeBytes })) {
      digesting.update(bytes);
      verification?.update(bytes);
      progress.advance(bytes.length);
    }
    const sha256 = digesting.digest('hex');
    if (file.artifact !== undefined && file.artifact.sha256 !== sha256) {
      throw new UserError(
        'content-invalid',
        `${printable(file.path)} does not match its SHA-256 in the list of artifacts`,
        { hint: 'It changed since the list was made. Run the step that made the list again.' },
      );
    }
    return { ...file, sha256, signature: stateOf(await verification?.finish(), file.path + signatureSuffix) };
  });
}

/** The state of the signature of the checksums to be written. */
async function observeChecksums(
  path: string,
  text: string,
  form: 'detached' | 'clear-signed',
  keyring: Keyring,
): Promise<{ readonly isThere: boolean; readonly signature: SignatureState }> {
  const isThere = hasContents(path, { sizeBytes: Buffer.byteLength(text), sha256: hashOnce('sha256', text) });
  const signature = await readSignature(path + signatureSuffix);
  if (signature === undefined) return { isThere, signature: 'missing' };
  const detached = stateOf(
    await keyring.verifyDetached(signature, [Buffer.from(text)]),
    path + signatureSuffix,
  );
  if (form === 'detached') return { isThere, signature: detached };
  const verdict = await keyring.verifyClearSigned(signature);
  if (verdict.ok) return { isThere, signature: `${verdict.text}\n` === text ? 'good' : 'over-other-bytes' };
  const isOfOther = verdict.code === 'signature-unknown-key';
  return { isThere, signature: isOfOther ? 'by-other-key' : 'over-other-bytes' };
}

async function readSignature(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readBoundedFile(path, { maxBytes: maxSignatureBytes, followLinks: false });
  } catch (error) {
    if (error instanceof UserError && error.code === 'source-missing') return undefined;
    throw error instanceof UserError ? noSignature(path, error) : error;
  }
}

function stateOf(verdict: DetachedVerdict | undefined, path: string): SignatureState {
  if (verdict === undefined) return 'missing';
  if (verdict.ok) return 'good';
  switch (verdict.code) {
    case 'unsigned':
      throw noSignature(path);
    case 'signature-unknown-key':
    case 'signature-not-pinned':
      return 'by-other-key';
    default:
      return 'over-other-bytes';
  }
}

function noSignature(path: string, cause?: unknown): UserError {
  return new UserError('immutable-conflict', `${printable(path)} exists and is not a readable signature`, {
    hint: 'Rename it: a signature would overwrite it.',
    cause,
  });
}
