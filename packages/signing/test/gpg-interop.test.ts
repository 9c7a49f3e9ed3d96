import { openKeyring, openSigner, parseTrustedKeys, readPublicKeys } from '@slipway/signing';
import { makeKey, type TestKey } from '@slipway/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { clockAt, dayMs, GpgHome, gpgMissing, keyringOf, manifestText, nowMs, signerFor } from './support.ts';

/** What Spack's client extracts from a signed document, with the expression it documents. */
const spackExtraction =
  /^-----BEGIN PGP SIGNED MESSAGE-----\s+Hash:\s+[^\s]+\s+(.+)-----BEGIN PGP SIGNATURE-----/ms;

describe.skipIf(gpgMissing)('with gpg 2 (skipped where /usr/bin/gpg is missing)', () => {
  let gpg: GpgHome;
  beforeEach(() => {
    gpg = new GpgHome();
  });
  afterEach(() => gpg.close());

  const ours: readonly [string, Parameters<typeof makeKey>[0]][] = [
    ['RSA-3072', { type: 'rsa3072' }],
    ['RSA-4096 with a passphrase', { type: 'rsa4096', passphrase: 'correct horse' }],
    ['Ed25519', { type: 'ed25519' }],
    [
      'Ed25519 with a signing subkey and a passphrase',
      { type: 'ed25519', subkey: true, passphrase: 'pw äöü' },
    ],
    ['RSA-2048 with a signing subkey', { type: 'rsa2048', subkey: true }],
    ['P-256', { type: 'p256' }],
  ];
  it.each(ours)('gpg verifies what we sign with %s, and reads the same text as Spack', async (_, options) => {
    const key = await makeKey({ ...options, nowMs });
    const signer = await signerFor(key);
    gpg.output(['--import'], signer.publicKey.armored);
    const document = await signer.clearSign(manifestText);

    const { status, stdout } = gpg.run(['--status-fd', '1', '--verify'], document);
    expect(status).toBe(0);
    expect(stdout).toContain(`[GNUPG:] GOODSIG`);
    expect(stdout).toMatch(
      new RegExp(`\\[GNUPG:\\] VALIDSIG ${signer.signingFingerprint} .* ${key.fingerprint}\n`),
    );
    expect(gpg.output(['--decrypt'], document)).toBe(`${manifestText}\n`);
    expect(spackExtraction.exec(document)?.[1]).toBe(`${manifestText}\n`);
    expect(await (await keyringOf([key.publicArmored])).verifyClearSigned(document)).toEqual({
      ok: true,
      text: manifestText,
      fingerprint: key.fingerprint,
      signedAtMs: nowMs,
    });
  });

  it.each([
    ['RSA-3072', 'rsa3072', ''],
    ['RSA-4096 with a passphrase', 'rsa4096', 'hunter two'],
    ['Ed25519', 'ed25519', ''],
    ['P-256', 'nistp256', ''],
  ])(
    'we sign with a key that gpg exported and accept what gpg signed: %s',
    async (_, algorithm, passphrase) => {
      gpg.output([
        '--passphrase',
        passphrase,
        '--quick-generate-key',
        'Ann <ann@example.org>',
        algorithm,
        'sign',
        '2y',
      ]);
      const armoredKey = gpg.output(['--passphrase', passphrase, '--armor', '--export-secret-keys']);
      const publicArmored = gpg.output(['--armor', '--export']);
      const fingerprint = gpg.fingerprint();
      const clock = clockAt(Date.now());
      for (const stored of [armoredKey, Buffer.from(armoredKey).toString('base64')]) {
        const signer = await openSigner({ armoredKey: stored, passphrase, clock });
        expect(signer.publicKey.fingerprint).toBe(fingerprint);
        expect(signer.publicKey.userIds).toEqual(['Ann <ann@example.org>']);
        expect(gpg.run(['--verify'], await signer.clearSign(manifestText)).status).toBe(0);
      }
      const document = gpg.output(['--passphrase', passphrase, '--clearsign'], `${manifestText}\n`);
      const keyring = await keyringOf([publicArmored], Date.now());
      expect(await keyring.verifyClearSigned(document)).toMatchObject({
        ok: true,
        text: manifestText,
        fingerprint,
      });
      expect(await keyring.verifyClearSigned(document.replace(':12,', ':13,'))).toMatchObject({
        ok: false,
        code: 'signature-bad',
      });
    },
  );

  it('signs with the subkey when the primary key was kept offline', async () => {
    gpg.output([
      '--passphrase',
      '',
      '--quick-generate-key',
      'Ann <ann@example.org>',
      'rsa3072',
      'cert',
      'never',
    ]);
    const fingerprint = gpg.fingerprint();
    gpg.output(['--passphrase', '', '--quick-add-key', fingerprint, 'ed25519', 'sign', '1y']);
    const armoredKey = gpg.output(['--armor', '--export-secret-subkeys']);
    const signer = await openSigner({ armoredKey, passphrase: undefined, clock: clockAt(Date.now()) });
    expect(signer.algorithm).toBe('Ed25519');
    const document = await signer.clearSign(manifestText);
    expect(gpg.run(['--verify'], document).status).toBe(0);
    const keyring = await keyringOf([gpg.output(['--armor', '--export'])], Date.now());
    expect(await keyring.verifyClearSigned(document)).toMatchObject({ ok: true, fingerprint });
  });

  it('I4: refuses after its expiry what gpg signed before, and follows an extension in any copy', async () => {
    const made = nowMs - 40 * dayMs;
    const faked = (ms: number) => ['--faked-system-time', `${ms / 1000}!`];
    gpg.output([...faked(made), '--passphrase', '', '--quick-generate-key', 'Ann', 'ed25519', 'sign', '20d']);
    const fingerprint = gpg.fingerprint();
    const before = gpg.output(['--armor', '--export']);
    const document = gpg.output([...faked(made + dayMs), '--passphrase', '', '--clearsign'], manifestText);
    expect(await (await keyringOf([before], made + 2 * dayMs)).verifyClearSigned(document)).toMatchObject({
      ok: true,
    });
    expect(await (await keyringOf([before])).verifyClearSigned(document)).toMatchObject({
      ok: false,
      code: 'signature-key-expired',
      fingerprint,
    });
    gpg.output([...faked(made + 10 * dayMs), '--passphrase', '', '--quick-set-expire', fingerprint, '2y']);
    const extended = gpg.output(['--armor', '--export']);
    const keyring = await openKeyring({
      trusted: await parseTrustedKeys(before),
      candidates: [extended],
      clock: clockAt(nowMs),
    });
    expect(await keyring.verifyClearSigned(document)).toMatchObject({ ok: true, fingerprint });
  });

  it('I4: refuses a signature with a broken hash', async () => {
    gpg.output(['--passphrase', '', '--quick-generate-key', 'Ann', 'rsa2048', 'sign', 'never']);
    const document = gpg.output(['--passphrase', '', '--digest-algo', 'SHA1', '--clearsign'], manifestText);
    const keyring = await keyringOf([gpg.output(['--armor', '--export'])], Date.now());
    expect(await keyring.verifyClearSigned(document)).toMatchObject({ ok: false, code: 'signature-weak' });
  });

  it('I4: refuses what gpg escapes or appends', async () => {
    gpg.output(['--passphrase', '', '--quick-generate-key', 'Ann', 'ed25519', 'sign', 'never']);
    const keyring = await keyringOf([gpg.output(['--armor', '--export'])], Date.now());
    const sign = (text: string, ...options: string[]) =>
      gpg.output(['--passphrase', '', ...options, '--clearsign'], text);
    for (const document of [
      sign('- a list'),
      sign('{} '),
      sign('{}', '--comment', 'hello'),
      sign('{}') + sign('{}'),
    ]) {
      const verdict = await keyring.verifyClearSigned(document);
      expect(verdict.ok ? 'accepted' : verdict.code).toMatch(/^signature-(malformed|multiple)$/);
    }
  });

  it('agrees with gpg on empty lines, tabs, Unicode, and lines of maximum length', async () => {
    const key = await makeKey({ type: 'ed25519', nowMs });
    const signer = await signerFor(key);
    gpg.output(['--import'], signer.publicKey.armored);
    for (const text of [
      '{}\n',
      'a\n\n\nb',
      '{\t"ü": "漢字 😀"}',
      `["${'x'.repeat(18_996)}"]`,
      'From here\n.\n..',
    ]) {
      const document = await signer.clearSign(`${text}\n`);
      expect(gpg.output(['--decrypt'], document)).toBe(`${text}\n`);
    }
  });

  it('imports and exports public keys unchanged', async () => {
    const keys: TestKey[] = [
      await makeKey({ type: 'ed25519', subkey: true }),
      await makeKey({ type: 'rsa2048' }),
    ];
    gpg.output(['--import'], keys.map((key) => key.publicArmored).join('\n'));
    for (const source of [
      gpg.output(['--armor', '--export']),
      keys.map((key) => key.publicArmored).join(''),
    ]) {
      const read = await readPublicKeys(source);
      expect(read.map((key) => key.fingerprint)).toEqual(keys.map((key) => key.fingerprint));
      const other = new GpgHome();
      try {
        other.output(['--import'], read.map((key) => key.armored).join(''));
        expect(other.output(['--with-colons', '--list-keys']).match(/^fpr/gm)).toHaveLength(3);
      } finally {
        other.close();
      }
    }
  });
});
