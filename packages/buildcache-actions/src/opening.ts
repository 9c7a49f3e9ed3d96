import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type ObjectStore, printable, UserError } from '@slipway/core';
import type { SignaturePolicy } from '@slipway/mirror';
import type { ActionContext } from '@slipway/runner';
import { openSigner, type Signer } from '@slipway/signing';
import { openLocalStore } from '@slipway/store/local';

/** Opens a local directory. Throws `UserError` `not-a-buildcache` unless it is one. */
export async function openDirectory(path: string, context: ActionContext): Promise<ObjectStore> {
  const absolute = resolve(context.workDirectory, path);
  if (!(await isDirectory(absolute))) {
    throw new UserError('not-a-buildcache', `${printable(path)} is not a directory`, {
      hint: 'buildcache names the directory that was given to "spack buildcache push".',
    });
  }
  return openLocalStore(pathToFileURL(absolute).href, { clock: context.clock });
}

/** Whether there is a directory at `path`. Never throws. */
export async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}

/** The signer of a run that has a key. Throws `UserError` `key-unusable`, or `input-invalid` if the key is not trusted. */
export async function openOptionalSigner(
  inputs: {
    readonly signingKey: string | undefined;
    readonly passphrase: string | undefined;
    readonly trustedKeys: string;
  },
  context: ActionContext,
): Promise<Signer | undefined> {
  if (inputs.signingKey === undefined) return undefined;
  const signer = await openSigner({
    armoredKey: inputs.signingKey,
    passphrase: inputs.passphrase,
    trustedKeys: inputs.trustedKeys,
    clock: context.clock,
  });
  for (const notice of signer.notices) context.progress.info(`Note on the signing key: ${notice}`);
  return signer;
}

/**
 * Throws `UserError` `input-invalid` if the key is not trusted: later runs with the same `trusted-keys`, especially
 * publishes, would refuse an index signed by it.
 */
export function requireTrustedSigner(signer: Signer | undefined, policy: SignaturePolicy): void {
  if (signer === undefined) return;
  const { fingerprint } = signer.publicKey;
  if (policy.keyring?.keys.some(({ publicKey }) => publicKey.fingerprint === fingerprint)) return;
  throw new UserError(
    'input-invalid',
    `signing-key is the key ${fingerprint}, which is not in trusted-keys, so no client would accept an index signed by it`,
    {
      hint: 'Add its fingerprint to trusted-keys, or remove signing-key for an unsigned index.',
    },
  );
}
