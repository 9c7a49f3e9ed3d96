import { SlipwayError } from '@slipway/core';
import { openSigner, type Signer, type SignerOptions, signingKeyProblems } from '@slipway/signing';
import { makeKey, type TestKey } from '@slipway/testkit';
import * as openpgp from 'openpgp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { clockAt, dayMs, GpgHome, gpgMissing, keyringOf, manifestText, nowMs, selfSign } from './support.ts';

const clock = clockAt(nowMs);
const ann = await makeKey({ type: 'ed25519', nowMs });
const ben = await makeKey({ type: 'rsa2048', nowMs });
const expired = await makeKey({ type: 'ed25519', expired: true, nowMs });
const revoked = await makeKey({ type: 'ed25519', revoked: true, nowMs });

function open(armoredKey: string, more: Partial<SignerOptions> = {}): Promise<Signer> {
  return openSigner({ armoredKey, passphrase: undefined, clock, ...more });
}

async function refusalOf(armoredKey: string, more: Partial<SignerOptions> = {}): Promise<SlipwayError> {
  const error: unknown = await open(armoredKey, more).catch((reason: unknown) => reason);
  if (error instanceof SlipwayError) return error;
  throw new Error('it was opened');
}

describe('a signing key among others', () => {
  const both = `${ann.privateArmored}\n${ben.privateArmored}`;

  it('is the one that trusted-keys names', async () => {
    for (const key of [ann, ben]) {
      for (const trustedKeys of [key.fingerprint, key.publicArmored, `# ours\n${key.fingerprint}`]) {
        const signer = await open(both, { trustedKeys });
        expect(signer.publicKey.fingerprint).toBe(key.fingerprint);
        expect(signer.notices.join()).toContain(`The input holds 2 keys; ${key.fingerprint} signs`);
        const document = await signer.clearSign(manifestText);
        expect(await (await keyringOf([key.publicArmored])).verifyClearSigned(document)).toMatchObject({
          ok: true,
        });
      }
    }
  });

  it('is not guessed: the error lists all of them and how to choose one', async () => {
    for (const trustedKeys of [undefined, '', `${ann.fingerprint}\n${ben.fingerprint}`]) {
      const error = await refusalOf(both, { trustedKeys });
      expect(error.code).toBe('key-unusable');
      expect(error.message).toContain(`(${ann.fingerprint}, ${ben.fingerprint})`);
      expect(error.hint).toContain('trusted-keys');
      expect(error.hint).toContain(`gpg --armor --export-secret-keys ${ann.fingerprint}`);
    }
  });

  it('is refused if trusted-keys names none of them', async () => {
    for (const given of [both, ann.privateArmored]) {
      const error = await refusalOf(given, { trustedKeys: expired.fingerprint });
      expect(error.code).toBe('input-invalid');
      expect(error.message).toMatch(/among trusted-keys$/);
      expect(error.message).toContain(ann.fingerprint);
    }
  });

  it('is the only one that can sign', async () => {
    for (const other of [expired, revoked]) {
      for (const blocks of [
        [other, ann],
        [ann, other],
      ]) {
        const signer = await open(blocks.map(({ privateArmored }) => privateArmored).join('\n'));
        expect(signer.publicKey.fingerprint).toBe(ann.fingerprint);
      }
    }
    const error = await refusalOf(`${expired.privateArmored}\n${revoked.privateArmored}`);
    expect(error.message).toMatch(
      /it holds 2 keys, none of which can sign: .* expired on .*; .* was revoked on/,
    );
  });

  it('may come with public keys of others', async () => {
    const signer = await open(`${ben.publicArmored}\n${ann.privateArmored}`);
    expect(signer.publicKey.fingerprint).toBe(ann.fingerprint);
  });
});

/** The key as it was after its owner extended it. */
async function extended(key: TestKey): Promise<{ privateArmored: string; publicArmored: string }> {
  const privateKey = await openpgp.readPrivateKey({ armoredKey: key.privateArmored });
  const [user] = privateKey.users;
  if (user?.userID == null || !('privateParams' in privateKey.keyPacket)) throw new Error('no user ID');
  const fields = { signatureType: openpgp.enums.signature.certGeneric, keyFlags: new Uint8Array([3]) };
  const data = { userID: user.userID, key: privateKey.keyPacket };
  user.selfCertifications = [await selfSign(privateKey.keyPacket, fields, data, nowMs - dayMs)];
  return { privateArmored: privateKey.armor(), publicArmored: privateKey.toPublic().armor() };
}

describe('copies of one signing key', () => {
  it('are merged as gpg merges them: the newest self-signature counts, whichever copy is first', async () => {
    const renewed = await extended(expired);
    for (const blocks of [
      [expired.privateArmored, renewed.privateArmored],
      [renewed.privateArmored, expired.privateArmored],
      [expired.privateArmored, renewed.publicArmored],
      [renewed.publicArmored, expired.privateArmored],
    ]) {
      const signer = await open(blocks.join('\n'));
      expect(signer.publicKey.expiresAtMs).toBeUndefined();
      const document = await signer.clearSign(manifestText);
      const keyring = await keyringOf([signer.publicKey.armored]);
      expect(await keyring.verifyClearSigned(document)).toMatchObject({ ok: true });
    }
    await expect(open(expired.privateArmored)).rejects.toThrow('expired on');
  });

  it('I4: are revoked when one of them is', async () => {
    const { privateArmored } = revoked.beforeRevocation;
    for (const blocks of [
      [privateArmored, revoked.publicArmored],
      [revoked.publicArmored, privateArmored],
    ]) {
      await expect(open(blocks.join('\n'))).rejects.toThrow('was revoked on');
    }
  });

  it('are unlocked by the passphrase of any copy', async () => {
    const privateKey = await openpgp.readPrivateKey({ armoredKey: ann.privateArmored });
    const lock = async (passphrase: string) =>
      (
        await openpgp.encryptKey({
          privateKey: await openpgp.readPrivateKey({ armoredKey: privateKey.armor() }),
          passphrase,
        })
      ).armor();
    const blocks = `${await lock('old words')}\n${await lock('new words')}`;
    for (const passphrase of ['old words', 'new words']) {
      expect((await open(blocks, { passphrase })).publicKey.fingerprint).toBe(ann.fingerprint);
    }
    await expect(open(blocks, { passphrase: 'no words' })).rejects.toThrow('passphrase is wrong');
  });
});

describe('a passphrase', () => {
  it.each([
    ['with blanks at its ends', '  two words  ', '  two words  '],
    ['of blanks alone', '    ', '    '],
    ['with a tab', '\tword', '\tword'],
    ['that ends in a line end', 'word\n', 'word\n'],
    ['with the line end of a file', 'word', 'word\n'],
    ['with the line end of a file of Windows', ' word ', ' word \r\n'],
  ])('%s is taken as it is', async (_, passphrase, given) => {
    const key = await makeKey({ type: 'ed25519', passphrase, nowMs });
    expect((await open(key.privateArmored, { passphrase: given })).notices).toEqual([]);
  });

  it.each([' word ', 'word\n\n', '\nword'])(
    'pasted as %j works without the extra characters, with advice',
    async (given) => {
      const key = await makeKey({ type: 'ed25519', passphrase: 'word', nowMs });
      expect((await open(key.privateArmored, { passphrase: given })).notices.join()).toContain(
        'store it without',
      );
    },
  );

  it('keeps blanks inside it', async () => {
    const key = await makeKey({ type: 'ed25519', passphrase: 'two words', nowMs });
    for (const passphrase of ['twowords', 'two  words', 'two', 'two words x']) {
      expect((await refusalOf(key.privateArmored, { passphrase })).message).toContain('passphrase is wrong');
    }
  });
});

describe('advice on a key that cannot sign', () => {
  let gpg: GpgHome;
  beforeEach(() => {
    gpg = new GpgHome();
  });
  afterEach(() => gpg.close());

  const exported = (algorithm: string, usage: string): string => {
    gpg.output(['--passphrase', '', '--quick-generate-key', 'Odd <o@example.org>', algorithm, usage, '1y']);
    return gpg.output(['--passphrase', '', '--armor', '--export-secret-keys']);
  };

  it.skipIf(gpgMissing).each([
    ['rsa1024', 'sign', /less than 2048 bits/, /quick-generate-key .* ed25519 sign/],
    ['dsa2048', 'sign', /weak: DSA/, /quick-generate-key .* ed25519 sign/],
    ['ed25519', 'cert', /not meant for signing/, /quick-add-key [0-9A-F]{40} ed25519 sign/],
  ])('tells owners of one of %s to %s (skipped without gpg)', async (algorithm, usage, message, hint) => {
    const error = await refusalOf(exported(algorithm, usage));
    expect(error.message).toMatch(message);
    expect(error.hint).toMatch(hint);
    expect(error.hint).not.toContain('Store the output of');
    const [problem] = await signingKeyProblems({
      signingKey: gpg.output(['--passphrase', '', '--armor', '--export-secret-keys']),
      passphrase: undefined,
    });
    expect(problem).toMatch(hint);
    expect(problem).not.toContain('used: the signing key cannot be used');
  });

  it('covers an expired key and an expired subkey', async () => {
    const whole = await refusalOf(expired.privateArmored);
    expect(whole.hint).toContain(`gpg --quick-set-expire ${expired.fingerprint} 2y"`);
  });

  it.skipIf(gpgMissing)('says where a missing secret part may be (skipped without gpg)', async () => {
    exported('rsa2048', 'sign');
    const fingerprint = gpg.fingerprint();
    gpg.output(['--passphrase', '', '--quick-add-key', fingerprint, 'rsa2048', 'encr', '1y']);
    const error = await refusalOf(gpg.output(['--armor', '--export-secret-subkeys']));
    expect(error.message).toContain('is not in the export');
    expect(error.hint).toContain(`gpg --quick-add-key ${fingerprint} ed25519 sign 2y`);
  });
});
