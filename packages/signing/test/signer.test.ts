import { SlipwayError } from '@slipway/core';
import { openSigner, type SignerOptions } from '@slipway/signing';
import { makeKey, type TestKey } from '@slipway/testkit';
import * as openpgp from 'openpgp';
import { beforeAll, describe, expect, it } from 'vitest';
import { clockAt, dayMs, keyringOf, manifestText, nowMs, signerFor } from './support.ts';

const clock = clockAt(nowMs);
const passphrase = 'correct horse battery staple';
let key: TestKey;
let locked: TestKey;
beforeAll(async () => {
  key = await makeKey({ type: 'ed25519', nowMs });
  locked = await makeKey({ type: 'ed25519', passphrase, nowMs });
});

async function refusalOf(options: Omit<SignerOptions, 'clock'>): Promise<SlipwayError> {
  const error: unknown = await openSigner({ ...options, clock }).then(
    () => new Error('it was opened'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof SlipwayError)) throw error;
  expect(error.code).toBe('key-unusable');
  expect(error.hint).toBeDefined();
  return error;
}

describe('a signing key', () => {
  it('is accepted armored, with CRLF, and as base64 of the armor or of the binary key', async () => {
    const { privateArmored } = locked;
    const binary = (await openpgp.readPrivateKey({ armoredKey: privateArmored })).write();
    for (const armoredKey of [
      privateArmored,
      `\n${privateArmored.replaceAll('\n', '\r\n')}\n`,
      `Bag of keys\n${privateArmored}`,
      Buffer.from(privateArmored).toString('base64'),
      Buffer.from(binary).toString('base64').replace(/.{76}/g, '$&\n'),
    ]) {
      const signer = await openSigner({ armoredKey, passphrase, clock });
      expect(signer.publicKey.fingerprint).toBe(locked.fingerprint);
      expect(signer.publicKey.armored).not.toContain('PRIVATE');
      expect(signer.algorithm).toBe('Ed25519');
      expect(signer.notices).toEqual([]);
    }
  });

  it('may come with an unneeded passphrase, and warns about an expiry that is near', async () => {
    const unprotected = await openSigner({ armoredKey: key.privateArmored, passphrase: 'unneeded', clock });
    expect(unprotected.notices.join()).toContain('not protected by a passphrase');
    const expiring = await makeKey({ type: 'ed25519', expired: true, nowMs });
    const signer = await signerFor(expiring, nowMs - 20 * dayMs);
    expect(signer.notices.join()).toMatch(/expires on \d{4}-\d\d-\d\d/);
  });

  it('is unusable when it is not a private key, a public key, several keys, or garbled', async () => {
    const { privateArmored, publicArmored } = key;
    const cases: readonly [string, RegExp][] = [
      ['', /it is empty/],
      ['hello, world', /not an armored private key/],
      ['aGVsbG8=', /not an armored private key/],
      [publicArmored, /it is a public key/],
      [`${privateArmored}\n${locked.privateArmored}`, /it holds 2 keys/],
      [privateArmored.slice(0, 300), /has no end/],
      [privateArmored.replace(/\n=[^\n]{4}\n/, '\n=AAAA\n'), /checksum is wrong/],
      [
        '-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----',
        /holds no OpenPGP key/,
      ],
    ];
    for (const [armoredKey, message] of cases) {
      expect((await refusalOf({ armoredKey, passphrase: undefined })).message).toMatch(message);
    }
  });

  it('is unusable when expired, with the date', async () => {
    const expired = await makeKey({ type: 'ed25519', expired: true, nowMs });
    const date = new Date(expired.createdAtMs + 20 * dayMs).toISOString().slice(0, 10);
    const error = await refusalOf({ armoredKey: expired.privateArmored, passphrase: undefined });
    expect(error.message).toContain(`expired on ${date}`);
  });

  it('is unusable when revoked, with the reason', async () => {
    const revoked = await makeKey({ type: 'ed25519', revoked: true, nowMs });
    const error = await refusalOf({ armoredKey: revoked.privateArmored, passphrase: undefined });
    expect(error.message).toContain('was revoked on');
    const before = await openSigner({
      armoredKey: revoked.beforeRevocation.privateArmored,
      passphrase: undefined,
      clock,
    });
    const document = await before.clearSign(manifestText);
    expect(await (await keyringOf([revoked.publicArmored])).verifyClearSigned(document)).toMatchObject({
      code: 'signature-key-revoked',
    });
  });

  it('is unusable when its secret part was stripped', async () => {
    const stripped = await openpgp.readPrivateKey({ armoredKey: key.privateArmored });
    for (const { keyPacket } of stripped.getKeys()) if ('makeDummy' in keyPacket) keyPacket.makeDummy();
    const error = await refusalOf({ armoredKey: stripped.armor(), passphrase: undefined });
    expect(error.message).toContain('not in the export');
  });

  it('signs with the primary key when the subkey has expired', async () => {
    const aged = await makeKey({ type: 'ed25519', subkeyExpired: true, nowMs });
    expect((await signerFor(aged)).signingFingerprint).toBe(aged.fingerprint);
    expect((await signerFor(aged, nowMs - 20 * dayMs)).signingFingerprint).not.toBe(aged.fingerprint);
  });

  it('may come from a machine whose clock is slightly ahead', async () => {
    const ahead = await makeKey({ type: 'ed25519', nowMs: nowMs + 30 * dayMs + 3_600_000 });
    const document = await (await signerFor(ahead)).clearSign(manifestText);
    expect(await (await keyringOf([ahead.publicArmored])).verifyClearSigned(document)).toMatchObject({
      ok: true,
      signedAtMs: nowMs + 3_600_000,
    });
  });

  it('is unusable when weak or of a kind that gpg 2 cannot verify', async () => {
    const options = { userIDs: { name: 'x' }, date: new Date(nowMs - dayMs), subkeys: [] };
    const weak = await openpgp.generateKey({
      ...options,
      type: 'rsa',
      rsaBits: 1024,
      config: { minRSABits: 1024 },
    });
    const modern = await openpgp.generateKey({ ...options, type: 'curve25519' });
    const version6 = await openpgp.generateKey({ ...options, type: 'curve25519', config: { v6Keys: true } });
    const cases = [
      [weak, /weak: RSA-1024/],
      [modern, /gpg 2\.2 cannot verify/],
      [version6, /version 6/],
    ] as const;
    for (const [{ privateKey }, message] of cases) {
      expect((await refusalOf({ armoredKey: privateKey, passphrase: undefined })).message).toMatch(message);
    }
  });

  it('is unusable when its secret part does not match its public part', async () => {
    const mixed = await openpgp.readPrivateKey({ armoredKey: key.privateArmored });
    const { keyPacket } = await openpgp.readPrivateKey({
      armoredKey: (await makeKey({ type: 'ed25519', nowMs })).privateArmored,
    });
    if ('privateParams' in keyPacket && 'privateParams' in mixed.keyPacket) {
      mixed.keyPacket.privateParams = keyPacket.privateParams;
    }
    const error = await refusalOf({ armoredKey: mixed.armor(), passphrase: undefined });
    expect(error.message).toContain('trial signature');
  });

  it('I7: no error contains any of the key or passphrase', async () => {
    const { privateArmored } = locked;
    const garbled = privateArmored.replace(/^([A-Za-z0-9+/]{40})[A-Za-z0-9+/]/m, '$1*');
    for (const options of [
      { armoredKey: privateArmored, passphrase: 'wrong-passphrase' },
      { armoredKey: privateArmored, passphrase: '' },
      { armoredKey: privateArmored, passphrase: undefined },
      { armoredKey: garbled, passphrase },
      { armoredKey: garbled.replaceAll('\n', ' '), passphrase },
      { armoredKey: privateArmored.slice(0, 200), passphrase },
      { armoredKey: `AAAA${Buffer.from(privateArmored).toString('base64')}`, passphrase },
      { armoredKey: `${passphrase}!`, passphrase },
    ]) {
      const error = await refusalOf(options);
      expect(error.cause).toBeUndefined();
      const said = `${error.message} ${error.hint} ${error.stack}`;
      expect(said).not.toContain('wrong-passphrase');
      expect(said).not.toContain(passphrase);
      const pieces = privateArmored.split('\n').filter((line) => line.length > 40);
      expect(pieces.length).toBeGreaterThan(3);
      for (const piece of pieces) expect(said).not.toContain(piece.slice(0, 20));
    }
    expect((await refusalOf({ armoredKey: privateArmored, passphrase: 'no' })).message).toMatch(
      /passphrase is wrong/,
    );
    expect((await refusalOf({ armoredKey: privateArmored, passphrase: '' })).message).toMatch(
      /none was given/,
    );
  });
});

describe('clear-signing', () => {
  it('omits one final newline, which is never signed', async () => {
    const signer = await signerFor(key);
    const keyring = await keyringOf([key.publicArmored]);
    for (const text of [manifestText, `${manifestText}\n`]) {
      const document = await signer.clearSign(text);
      expect(
        document.startsWith(
          `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n${manifestText}\n-----BEGIN`,
        ),
      ).toBe(true);
      expect(document.endsWith('\n-----END PGP SIGNATURE-----\n')).toBe(true);
      expect(document).not.toMatch(/Version|Comment|\r/);
      expect(await keyring.verifyClearSigned(document)).toMatchObject({ ok: true, text: manifestText });
    }
  });

  it('refuses a text that gpg and Spack would read differently', async () => {
    const signer = await signerFor(key);
    const texts = [
      '',
      '\n',
      '- x',
      '{\n-x\n}',
      '{ \n}',
      '{}\t',
      '{}\r\n',
      '\n{}',
      ' {}',
      '{\0}',
      'x'.repeat(20_000),
    ];
    for (const text of [...texts, '{"\ud800"}', '-----BEGIN PGP SIGNATURE-----', 'a\n'.repeat(600_000)]) {
      await expect(signer.clearSign(text)).rejects.toMatchObject({ code: 'content-invalid' });
    }
  });

  it('signs Unicode', async () => {
    const signer = await signerFor(key);
    const text = '{"name": "Jürgen 漢字 😀"}';
    const verdict = await (await keyringOf([key.publicArmored])).verifyClearSigned(
      await signer.clearSign(text),
    );
    expect(verdict).toMatchObject({ ok: true, text });
  });

  it('signs many at once, each its own text', async () => {
    const signer = await signerFor(locked);
    const keyring = await keyringOf([locked.publicArmored]);
    const texts = Array.from({ length: 100 }, (_, number) => `{"number": ${number}}`);
    const documents = await Promise.all(texts.map((text) => signer.clearSign(text)));
    const verdicts = await Promise.all(documents.map((document) => keyring.verifyClearSigned(document)));
    expect(verdicts.map((verdict) => verdict.text)).toEqual(texts);
    expect(verdicts.every((verdict) => verdict.ok)).toBe(true);
  });

  it('I7: signs nothing after it is closed', async () => {
    const signer = await signerFor(locked);
    await signer.clearSign(manifestText);
    signer.close();
    await expect(signer.clearSign(manifestText)).rejects.toThrow();
  });
});
