import type { TestSigner } from './clear-sign.ts';
import { makeKey, type TestKey, type TestKeyOptions } from './keys.ts';
import type { MirrorKey } from './mirror-builder.ts';

/** A key used in attacks: its public half as it is known now, and a private half that still signs. */
export type AttackKey = MirrorKey & TestSigner;

export interface AttackKeys {
  /** Pinned by every verifier. */
  readonly honest: AttackKey;
  /** Pinned by no verifier. */
  readonly stranger: AttackKey;
  /** Expired; its signatures are from before that. */
  readonly expired: AttackKey;
  /** Revoked in its public half; its signatures are from before. */
  readonly revoked: AttackKey;
  /** Its primary key is good, and its signing subkey has expired since. */
  readonly expiredSubkey: AttackKey;
  /** Its primary key is good, and its signing subkey is revoked. */
  readonly revokedSubkey: AttackKey;
}

const dayMs = 24 * 3_600_000;

/** Makes the keys with Ed25519, which gpg 2.2 supports and which takes milliseconds. */
export async function makeAttackKeys(): Promise<AttackKeys> {
  const make = (userId: string, options: Partial<TestKeyOptions> = {}): Promise<TestKey> =>
    makeKey({ type: 'ed25519', userId, ...options });
  const revoked = await make('Revoked', { revoked: true });
  const revokedSubkey = await make('Revoked Subkey', { subkey: true });
  return {
    honest: await make('Honest'),
    stranger: await make('Stranger'),
    expired: earlier(await make('Expired', { expired: true })),
    revoked: { ...earlier(revoked), privateArmored: revoked.beforeRevocation.privateArmored },
    expiredSubkey: earlier(await make('Expired Subkey', { subkeyExpired: true })),
    revokedSubkey: {
      ...earlier(revokedSubkey),
      publicArmored: await revokeSubkey(revokedSubkey.privateArmored),
    },
  };
}

/** Signs soon after it was made, when it was still good. */
function earlier(key: TestKey): AttackKey {
  return { ...key, signedAt: new Date(key.createdAtMs + 5 * dayMs) };
}

/** The public key after its owner revoked the subkey. */
async function revokeSubkey(privateArmored: string): Promise<string> {
  const pgp = await import('openpgp');
  const key = await pgp.readPrivateKey({ armoredKey: privateArmored });
  const [subkey] = key.subkeys;
  const primary = key.keyPacket;
  if (subkey === undefined || !(primary instanceof pgp.SecretKeyPacket))
    throw new Error('no subkey to revoke');
  key.subkeys[0] = await subkey.revoke(primary);
  return key.toPublic().armor();
}
