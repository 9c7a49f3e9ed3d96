import { resolve, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { mapConcurrently, type ObjectStore, UserError } from '@slipway/core';
import {
  type Finding,
  openPolicy,
  readManifest,
  readStaged,
  refuseOnErrors,
  type SignaturePolicy,
  workersByUrl,
} from '@slipway/mirror';
import type { ActionContext } from '@slipway/runner';
import type { Signer } from '@slipway/signing';
import { classifyKey } from '@slipway/spack-buildcache';
import { openLocalStore } from '@slipway/store/local';
import type { Inputs } from './inputs.ts';
import type { Observation, ObservedEntry, ObservedOutput } from './plan.ts';

const concurrentReads = 16;

/** What a plan is based on and executed with. */
export interface Observed {
  readonly observation: Observation;
  /** Where the signed entries go: the staged directory itself when signing in place. */
  readonly target: ObjectStore;
  /** Trusts only the signer's own key, and treats documents signed by others as unsigned. */
  readonly policy: SignaturePolicy;
  readonly findings: readonly Finding[];
}

/**
 * Judges what is staged and examines the output. Throws `UserError` `buildcache-refused` if anything staged is not sound.
 */
export async function observe(
  given: Inputs,
  staged: ObjectStore,
  signer: Signer,
  context: ActionContext,
): Promise<Observed> {
  const { clock, progress } = context;
  const { fingerprint } = signer.publicKey;
  const trust = { trustedKeys: signer.publicKey.armored, allowUnsigned: true };
  const seen = await readStaged({
    ...trust,
    resigning: { requireSignedBy: given.requireSignedBy },
    store: staged,
    otherKeys: [],
    tarballs: given.level === 'full' ? 'read' : 'head',
    clock,
    progress,
    workers: workersByUrl(context.workerEntry),
  });
  refuseOnErrors(
    seen.findings,
    'buildcache-refused',
    'nothing was signed, because the buildcache is not sound',
  );
  const entries = seen.entries.map(({ key, payloadSha256, signedBy }) => ({
    key,
    payloadSha256: payloadSha256 ?? '',
    signedBy,
  }));
  // From here on, a judged entry is identified by its text, since its old signature will be replaced.
  const { policy } = await openPolicy({ ...trust, offeredKeys: [], acceptOtherSigners: true }, clock);
  const target = given.output === undefined ? staged : openOutput(given.output, staged, context);
  const output =
    target === staged ? undefined : await observeOutput(target, entries, seen.listing.keys, policy);
  return { observation: { fingerprint, entries, output }, target, policy, findings: seen.findings };
}

/** Opens the directory for the signed copy. Neither it nor the staged one may contain the other. */
function openOutput(path: string, staged: ObjectStore, context: ActionContext): ObjectStore {
  const output = resolve(context.workDirectory, path);
  const source = fileURLToPath(staged.url);
  if (`${output}${sep}`.startsWith(`${source}${sep}`) || `${source}${sep}`.startsWith(`${output}${sep}`)) {
    throw new UserError('input-invalid', 'output is inside the staged buildcache, or contains it', {
      hint: 'Name another directory, or leave output out to sign in place.',
    });
  }
  return openLocalStore(pathToFileURL(output).href, { clock: context.clock });
}

/**
 * Examines what an earlier run left in the output. Throws `UserError` `immutable-conflict` if an entry has another payload:
 * then it is not a copy of what is staged.
 */
async function observeOutput(
  output: ObjectStore,
  entries: readonly ObservedEntry[],
  staged: readonly string[],
  policy: SignaturePolicy,
): Promise<ObservedOutput> {
  const signers = new Map<string, string | undefined>();
  await mapConcurrently(entries, concurrentReads, async ({ key, payloadSha256 }) => {
    const stored = await readManifest(output, key, policy);
    if (stored === undefined) return;
    if (stored.text === undefined || stored.payloadSha256 !== payloadSha256) {
      throw new UserError('immutable-conflict', `the ${key} in output differs from the staged one`, {
        hint: 'Name an empty directory, or one that was signed from the same buildcache.',
      });
    }
    signers.set(key, stored.signedBy);
  });
  const isBlob = (key: string): boolean => classifyKey(key).kind === 'blob';
  return { blobs: staged.filter(isBlob), documents: staged.filter((key) => !isBlob(key)), signers };
}
