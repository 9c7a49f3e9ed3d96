import { hash as hashOnce } from 'node:crypto';
import { resolve, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { mapConcurrently, type ObjectStore, UserError } from '@slipway/core';
import { isFinding, openDocument, type SignaturePolicy } from '@slipway/mirror';
import type { ActionContext } from '@slipway/runner';
import { classifyKey, maxManifestBytes } from '@slipway/spack-buildcache';
import { openLocalStore } from '@slipway/store/local';
import type { ObservedEntry, ObservedOutput } from './plan.ts';

const concurrentReads = 16;

/** Opens the directory for the signed copy, which must be neither in the staged one nor around it. */
export function openOutput(path: string, staged: ObjectStore, context: ActionContext): ObjectStore {
  const output = resolve(context.workDirectory, path);
  const source = fileURLToPath(staged.url);
  if (`${output}${sep}`.startsWith(`${source}${sep}`) || `${source}${sep}`.startsWith(`${output}${sep}`)) {
    throw new UserError('input-invalid', 'output lies in the staged buildcache, or around it', {
      hint: 'Name another directory, or leave output out to sign in place.',
    });
  }
  return openLocalStore(pathToFileURL(output).href, { clock: context.clock });
}

/**
 * What an earlier run left in the output. Throws `UserError` `immutable-conflict` when it has an entry of the same name
 * with another payload: that is no copy of what is staged.
 */
export async function observeOutput(
  output: ObjectStore,
  entries: readonly ObservedEntry[],
  staged: readonly string[],
  policy: SignaturePolicy,
): Promise<ObservedOutput> {
  const signers = new Map<string, string | undefined>();
  await mapConcurrently(entries, concurrentReads, async ({ key, payloadSha256 }) => {
    const stored = await output.read(key, { maxBytes: maxManifestBytes });
    if (stored === undefined) return;
    const opened = await openDocument(stored.body, key, policy);
    if (isFinding(opened) || hashOnce('sha256', opened.text.trimEnd()) !== payloadSha256) {
      throw new UserError('immutable-conflict', `output has another ${key} than what is staged`, {
        hint: 'Name an empty directory, or one that was made from the same buildcache.',
      });
    }
    signers.set(key, opened.signedBy);
  });
  const isBlob = (key: string): boolean => classifyKey(key).kind === 'blob';
  return { blobs: staged.filter(isBlob), documents: staged.filter((key) => !isBlob(key)), signers };
}
