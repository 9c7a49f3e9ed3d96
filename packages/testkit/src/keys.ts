import * as openpgp from 'openpgp';

const dayMs = 24 * 3_600_000;

export interface TestKeyOptions {
  readonly type: 'rsa2048' | 'rsa3072' | 'rsa4096' | 'ed25519' | 'p256';
  /** A signing subkey beside the primary key, which may sign too. */
  readonly subkey?: boolean;
  readonly passphrase?: string;
  /** Created 30 days before `nowMs` and expired 10 days before it; valid in between. */
  readonly expired?: boolean;
  /** Revoked as compromised. */
  readonly revoked?: boolean;
  /** Like `expired`, but only the signing subkey, which comes with it. */
  readonly subkeyExpired?: boolean;
  readonly userId?: string;
  readonly nowMs?: number;
}

export interface TestKey {
  readonly privateArmored: string;
  readonly publicArmored: string;
  /** Of the primary key: 40 upper-case hex digits. */
  readonly fingerprint: string;
  readonly passphrase: string | undefined;
  readonly createdAtMs: number;
  /** The key without its revocation, for signatures from before the owner revoked it. */
  readonly beforeRevocation: { readonly privateArmored: string; readonly publicArmored: string };
}

const algorithms = {
  rsa2048: { type: 'rsa', rsaBits: 2048 },
  rsa3072: { type: 'rsa', rsaBits: 3072 },
  rsa4096: { type: 'rsa', rsaBits: 4096 },
  ed25519: { type: 'ecc', curve: 'ed25519Legacy' },
  p256: { type: 'ecc', curve: 'nistP256' },
} as const;

/**
 * A new OpenPGP key. It is created 30 days before `nowMs`, so that a clock up to 30 days back can sign with it: with an
 * expired key before it expired, for example.
 */
export async function makeKey(options: TestKeyOptions): Promise<TestKey> {
  const nowMs = options.nowMs ?? Date.now();
  const createdAtMs = Math.floor(nowMs / 1000) * 1000 - 30 * dayMs;
  const lifetimeSeconds = (20 * dayMs) / 1000;
  const algorithm = algorithms[options.type];
  const { privateKey, revocationCertificate } = await openpgp.generateKey({
    ...algorithm,
    format: 'object',
    date: new Date(createdAtMs),
    userIDs: [{ name: options.userId ?? 'Test Signer', email: 'signer@example.org' }],
    keyExpirationTime: options.expired === true ? lifetimeSeconds : 0,
    ...(options.passphrase === undefined ? {} : { passphrase: options.passphrase }),
    subkeys:
      options.subkey === true || options.subkeyExpired === true
        ? [
            {
              ...algorithm,
              sign: true,
              date: new Date(createdAtMs),
              ...(options.subkeyExpired === true ? { keyExpirationTime: lifetimeSeconds } : {}),
            },
          ]
        : [],
  });
  const beforeRevocation = armoredPair(privateKey);
  const revoked =
    options.revoked === true
      ? await openpgp.revokeKey({
          key: privateKey,
          revocationCertificate,
          date: new Date(nowMs),
          format: 'object',
        })
      : undefined;
  return {
    ...(revoked === undefined ? beforeRevocation : armoredPair(revoked.privateKey)),
    fingerprint: privateKey.getFingerprint().toUpperCase(),
    passphrase: options.passphrase,
    createdAtMs,
    beforeRevocation,
  };
}

function armoredPair(key: openpgp.PrivateKey): { privateArmored: string; publicArmored: string } {
  return { privateArmored: key.armor(), publicArmored: key.toPublic().armor() };
}
