import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSigner, type SignatureCode } from '@slipway/signing';
import { afterAll, describe, expect, it } from 'vitest';
import { clockAt, GpgHome, gpgMissing, keyringOf, manifestText } from './support.ts';

interface Row {
  /** As "gpg --quick-generate-key" has it. */
  readonly algorithm: string;
  readonly signs: string | RegExp;
  /** gpg's names for a good signature. */
  readonly verdict: 'good' | SignatureCode;
}

const table: readonly Row[] = [
  { algorithm: 'rsa1024', signs: /is weak: RSA-1024/, verdict: 'signature-weak' },
  { algorithm: 'rsa2048', signs: 'RSA-2048', verdict: 'good' },
  { algorithm: 'rsa3072', signs: 'RSA-3072', verdict: 'good' },
  { algorithm: 'rsa4096', signs: 'RSA-4096', verdict: 'good' },
  { algorithm: 'dsa2048', signs: /is weak: DSA/, verdict: 'signature-weak' },
  { algorithm: 'ed25519', signs: 'Ed25519', verdict: 'good' },
  { algorithm: 'nistp256', signs: 'ECDSA P-256', verdict: 'good' },
  { algorithm: 'nistp384', signs: 'ECDSA P-384', verdict: 'good' },
  { algorithm: 'nistp521', signs: 'ECDSA P-521', verdict: 'good' },
  { algorithm: 'brainpoolP256r1', signs: 'ECDSA brainpoolP256r1', verdict: 'good' },
  { algorithm: 'brainpoolP384r1', signs: 'ECDSA brainpoolP384r1', verdict: 'good' },
  { algorithm: 'brainpoolP512r1', signs: 'ECDSA brainpoolP512r1', verdict: 'good' },
  { algorithm: 'secp256k1', signs: 'ECDSA secp256k1', verdict: 'good' },
  { algorithm: 'ed448', signs: /version 5/, verdict: 'signature-unknown-key' },
];

/** gpg's verdict on a document, from its status lines. */
function verdictOfGpg(gpg: GpgHome, document: string): string {
  const { stdout } = gpg.run(['--status-fd', '1', '--verify'], document);
  return /^\[GNUPG:\] (GOODSIG|BADSIG|ERRSIG)/m.exec(stdout)?.[1] ?? 'none';
}

describe.skipIf(gpgMissing)('keys of gpg (skipped where /usr/bin/gpg is missing)', () => {
  const gpg = new GpgHome();
  afterAll(() => gpg.close());
  const passphrase = ['--passphrase', ''];

  it.each(table)('of $algorithm sign and verify as the table says, and gpg agrees', async (row) => {
    const userId = `Ann ${row.algorithm} <ann@example.org>`;
    const made = gpg.run([...passphrase, '--quick-generate-key', userId, row.algorithm, 'sign', 'never']);
    // Some versions of gpg cannot make every kind of key.
    if (made.status !== 0) return;
    const armoredKey = gpg.output([...passphrase, '--armor', '--export-secret-keys', userId]);
    const publicArmored = gpg.output(['--armor', '--export', userId]);
    const clock = clockAt(Date.now());
    const opened = await openSigner({ armoredKey, passphrase: undefined, clock }).catch(
      (error: unknown) => error,
    );
    if (opened instanceof Error) {
      expect(opened).toMatchObject({ code: 'key-unusable', message: expect.stringMatching(row.signs) });
    } else {
      expect(opened).toMatchObject({ algorithm: row.signs });
      const signer = await openSigner({ armoredKey, passphrase: undefined, clock });
      const document = await signer.clearSign(manifestText);
      expect(verdictOfGpg(gpg, document)).toBe('GOODSIG');
      expect(verdictOfGpg(gpg, document.replace(':12,', ':13,'))).toBe('BADSIG');
    }
    if (row.verdict === 'signature-unknown-key') return;
    const keyring = await keyringOf([publicArmored], Date.now());
    const document = gpg.output([...passphrase, '--local-user', userId, '--clearsign'], `${manifestText}\n`);
    expect(verdictOfGpg(gpg, document)).toBe('GOODSIG');
    const verdict = await keyring.verifyClearSigned(document);
    expect(verdict.ok ? 'good' : verdict.code).toBe(row.verdict);
    const tampered = document.replace(':12,', ':13,');
    expect(verdictOfGpg(gpg, tampered)).toBe('BADSIG');
    expect(await keyring.verifyClearSigned(tampered)).toMatchObject({ code: 'signature-bad' });

    const detached = gpg.output([...passphrase, '--local-user', userId, '--armor', '--detach-sign'], 'bytes');
    const detachedVerdict = await keyring.verifyDetached(detached, [Buffer.from('by'), Buffer.from('tes')]);
    expect(detachedVerdict.ok ? 'good' : detachedVerdict.code).toBe(row.verdict);
    expect(await keyring.verifyDetached(detached, [Buffer.from('other')])).toMatchObject({
      code: 'signature-bad',
    });
  });

  it.each(['brainpoolP256r1', 'secp256k1', 'nistp384', 'ed25519'])(
    'of %s sign files, and gpg verifies them',
    async (algorithm) => {
      const home = new GpgHome();
      try {
        home.output([...passphrase, '--quick-generate-key', 'Ann', algorithm, 'sign', 'never']);
        const armoredKey = home.output([...passphrase, '--armor', '--export-secret-keys']);
        const signer = await openSigner({ armoredKey, passphrase: undefined, clock: clockAt(Date.now()) });
        const signing = signer.startDetached();
        signing.update(Buffer.from('some bytes'));
        const signature = await signing.finish();
        const keyring = await keyringOf([signer.publicKey.armored], Date.now());
        const bytes = [Buffer.from('some bytes')];
        expect(await keyring.verifyDetached(signature, bytes)).toMatchObject({ ok: true });
        const document = await signer.clearSign(manifestText);
        expect(home.output(['--decrypt'], document)).toBe(`${manifestText}\n`);
        const packets = home.output(['--list-packets'], signature);
        expect(packets).toContain('digest algo 10');
      } finally {
        home.close();
      }
    },
  );

  it.each([
    ['brainpoolP256r1', 'ed25519'],
    ['dsa2048', 'rsa2048'],
    ['secp256k1', 'rsa2048'],
  ])('of %s with a signing subkey of %s sign with the subkey', async (primary, subkey) => {
    const home = new GpgHome();
    try {
      home.output([...passphrase, '--quick-generate-key', 'Ann', primary, 'cert', 'never']);
      home.output([...passphrase, '--quick-add-key', home.fingerprint(), subkey, 'sign', 'never']);
      const armoredKey = home.output([...passphrase, '--armor', '--export-secret-keys']);
      const signer = await openSigner({ armoredKey, passphrase: undefined, clock: clockAt(Date.now()) });
      expect(signer.signingFingerprint).not.toBe(home.fingerprint());
      expect(verdictOfGpg(home, await signer.clearSign(manifestText))).toBe('GOODSIG');
      const keyring = await keyringOf([home.output(['--armor', '--export'])], Date.now());
      const document = home.output([...passphrase, '--clearsign'], `${manifestText}\n`);
      expect(await keyring.verifyClearSigned(document)).toMatchObject({ ok: true });
    } finally {
      home.close();
    }
  });

  it('on a curve that OpenPGP.js does not support are refused once revoked or expired', async () => {
    const home = new GpgHome();
    try {
      home.output([...passphrase, '--quick-generate-key', 'Ann', 'brainpoolP256r1', 'sign', '1y']);
      const document = home.output([...passphrase, '--clearsign'], `${manifestText}\n`);
      const publicArmored = home.output(['--armor', '--export']);
      const later = await keyringOf([publicArmored], Date.now() + 400 * 86_400_000);
      expect(await later.verifyClearSigned(document)).toMatchObject({ code: 'signature-key-expired' });
      // gpg makes one for each new key, with a leading colon that prevents accidental import.
      const certificate = join(home.path, 'openpgp-revocs.d', `${home.fingerprint()}.rev`);
      home.output(['--import'], readFileSync(certificate, 'utf8').replace(':-----BEGIN', '-----BEGIN'));
      const revoked = await keyringOf([home.output(['--armor', '--export'])], Date.now());
      expect(await revoked.verifyClearSigned(document)).toMatchObject({ code: 'signature-key-revoked' });
    } finally {
      home.close();
    }
  });
});
