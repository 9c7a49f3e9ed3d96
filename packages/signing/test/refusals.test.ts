import { openKeyring, openSigner, parseTrustedKeys } from '@slipway/signing';
import { makeKey, type TestKey } from '@slipway/testkit';
import * as openpgp from 'openpgp';
import { beforeAll, describe, expect, it } from 'vitest';
import { encodeArmor } from '../src/armor.ts';
import {
  clockAt,
  dayMs,
  documentOf,
  type Forgery,
  forgedDocument,
  forgePacket,
  keyringOf,
  manifestText,
  nowMs,
  packetBytes,
  selfSign,
  signerFor,
} from './support.ts';

let key: TestKey;
let other: TestKey;
beforeAll(async () => {
  key = await makeKey({ type: 'ed25519', nowMs });
  other = await makeKey({ type: 'ed25519', nowMs });
});

function secretOf(secret: openpgp.PrivateKey): openpgp.SecretKeyPacket {
  if (!('privateParams' in secret.keyPacket)) throw new Error('no secret part');
  return secret.keyPacket;
}

async function codeFor(
  document: string | Uint8Array,
  trusted: readonly string[],
  atMs = nowMs,
): Promise<string> {
  const verdict = await (await keyringOf(trusted, atMs)).verifyClearSigned(document);
  return verdict.ok ? 'accepted' : verdict.code;
}

describe('I4: a signature passes only by a trusted key that is valid now', () => {
  it('accepts a good one', async () => {
    const document = await (await signerFor(key)).clearSign(manifestText);
    expect(await codeFor(document, [key.publicArmored])).toBe('accepted');
    expect(await codeFor(Buffer.from(document), [other.publicArmored, key.publicArmored])).toBe('accepted');
  });

  it('refuses an expired key', async () => {
    const expired = await makeKey({ type: 'ed25519', expired: true, nowMs });
    const document = await (await signerFor(expired, nowMs - 20 * dayMs)).clearSign(manifestText);
    expect(await codeFor(document, [expired.publicArmored], nowMs - 15 * dayMs)).toBe('accepted');
    expect(await codeFor(document, [expired.publicArmored])).toBe('signature-key-expired');
  });

  it('notices a key that expires while the keyring is open', async () => {
    const expired = await makeKey({ type: 'ed25519', expired: true, nowMs });
    let atMs = nowMs - 20 * dayMs;
    const clock = { ...clockAt(0), nowMs: () => atMs };
    const signer = await openSigner({ armoredKey: expired.privateArmored, passphrase: undefined, clock });
    const document = await signer.clearSign(manifestText);
    const trusted = await parseTrustedKeys(expired.publicArmored);
    const keyring = await openKeyring({ trusted, candidates: [], clock });
    expect((await keyring.verifyClearSigned(document)).ok).toBe(true);
    atMs = nowMs;
    expect(await keyring.verifyClearSigned(document)).toMatchObject({ code: 'signature-key-expired' });
    await expect(signer.clearSign(manifestText)).rejects.toMatchObject({ code: 'key-unusable' });
  });

  it('refuses a revoked key, whichever copy carries the revocation and whatever the reason', async () => {
    const { privateKey } = await openpgp.generateKey({
      type: 'ecc',
      curve: 'ed25519Legacy',
      userIDs: { name: 'x' },
      date: new Date(nowMs - 9 * dayMs),
      format: 'object',
    });
    const clean = privateKey.toPublic().armor();
    const signer = await openSigner({
      armoredKey: privateKey.armor(),
      passphrase: undefined,
      clock: clockAt(nowMs),
    });
    const document = await signer.clearSign(manifestText);
    for (const flag of [0, 1, 2, 3] as const) {
      const { publicKey } = await openpgp.revokeKey({
        key: privateKey,
        reasonForRevocation: { flag, string: 'moved on' },
        date: new Date(nowMs - dayMs),
      });
      expect(await codeFor(document, [publicKey])).toBe('signature-key-revoked');
      const fingerprint = signer.publicKey.fingerprint;
      for (const [trusted, candidates] of [
        [clean, [publicKey]],
        [publicKey, [clean]],
        [fingerprint, [clean, publicKey]],
        [fingerprint, [publicKey, clean]],
      ] as const) {
        const keyring = await openKeyring({
          trusted: await parseTrustedKeys(trusted),
          candidates,
          clock: clockAt(nowMs),
        });
        const verdict = await keyring.verifyClearSigned(document);
        expect(verdict).toMatchObject({ ok: false, code: 'signature-key-revoked', fingerprint });
        expect(keyring.keys[0]?.problem).toContain('moved on');
      }
    }
  });

  it('is not misled by a forged revocation or binding', async () => {
    const subkeyed = await makeKey({ type: 'ed25519', subkey: true, nowMs });
    const document = await (await signerFor(subkeyed)).clearSign(manifestText);
    const real = await openpgp.readKey({ armoredKey: subkeyed.publicArmored });
    const { publicKey: foreign } = await openpgp.revokeKey({
      key: await openpgp.readPrivateKey({ armoredKey: other.privateArmored }),
      format: 'object',
    });
    const forgedCopy = await openpgp.readKey({ armoredKey: subkeyed.publicArmored });
    for (const revocation of foreign.revocationSignatures) {
      // Names the key as its issuer, by ID and fingerprint.
      const bytes = Buffer.from(revocation.signatureData ?? []).toString('hex');
      const renamed = bytes
        .replaceAll(foreign.getFingerprint(), real.getFingerprint())
        .replaceAll(foreign.getKeyID().toHex(), real.getKeyID().toHex());
      expect(renamed).not.toBe(bytes);
      revocation.signatureData = new Uint8Array(Buffer.from(renamed, 'hex'));
      forgedCopy.revocationSignatures.push(revocation);
    }
    for (const { bindingSignatures } of forgedCopy.subkeys) {
      // A "newer" binding: moves the creation time, the first subpacket, by a day.
      const bytes = Buffer.from(bindingSignatures[0]?.signatureData ?? []);
      expect([...bytes.subarray(6, 8)]).toEqual([5, 0x82]);
      bytes.writeUInt32BE(bytes.readUInt32BE(8) + 86_400, 8);
      for (const binding of bindingSignatures) binding.signatureData = new Uint8Array(bytes);
    }
    const reread = await openpgp.readKey({ armoredKey: forgedCopy.armor() });
    expect(reread.revocationSignatures[0]?.issuerKeyID.equals(real.getKeyID())).toBe(true);
    expect(Number(reread.subkeys[0]?.bindingSignatures[0]?.created)).toBe(subkeyed.createdAtMs + dayMs);
    const keyring = await openKeyring({
      trusted: await parseTrustedKeys(subkeyed.publicArmored),
      candidates: [forgedCopy.armor()],
      clock: clockAt(nowMs),
    });
    expect(await keyring.verifyClearSigned(document)).toMatchObject({ ok: true });
  });

  it('refuses a signing subkey that is expired, revoked, unbound or without a back-signature', async () => {
    const expired = await makeKey({ type: 'ed25519', subkeyExpired: true, nowMs });
    const old = await (await signerFor(expired, nowMs - 20 * dayMs)).clearSign(manifestText);
    expect(await codeFor(old, [expired.publicArmored])).toBe('signature-subkey-expired');

    const subkeyed = await makeKey({ type: 'ed25519', subkey: true, nowMs });
    const signer = await signerFor(subkeyed);
    const document = await signer.clearSign(manifestText);
    expect(signer.signingFingerprint).not.toBe(subkeyed.fingerprint);
    const secret = await openpgp.readPrivateKey({ armoredKey: subkeyed.privateArmored });
    const [subkey] = secret.subkeys;
    if (subkey === undefined) throw new Error('no subkey');
    const revokedSubkey = await subkey.revoke(secretOf(secret));
    secret.subkeys = [revokedSubkey];
    expect(await codeFor(document, [secret.toPublic().armor()])).toBe('signature-subkey-revoked');

    const stolen = await openpgp.readKey({ armoredKey: other.publicArmored });
    const copy = await openpgp.readKey({ armoredKey: subkeyed.publicArmored });
    stolen.subkeys = copy.subkeys;
    expect(await codeFor(document, [stolen.armor()])).toBe('signature-subkey-invalid');

    const [bare] = copy.subkeys;
    if (bare === undefined) throw new Error('no subkey');
    bare.bindingSignatures = [];
    expect(await codeFor(document, [copy.armor()])).toBe('signature-subkey-invalid');
  });

  it("refuses another key's signing subkey that a trusted key claims as its own", async () => {
    const victim = await makeKey({ type: 'ed25519', subkey: true, nowMs });
    const document = await (await signerFor(victim)).clearSign(manifestText);
    const claimer = await openpgp.readPrivateKey({ armoredKey: other.privateArmored });
    const [subkey] = (await openpgp.readKey({ armoredKey: victim.publicArmored })).subkeys;
    if (subkey === undefined) throw new Error('no subkey');
    const genuine = subkey.bindingSignatures[0]?.embeddedSignature ?? null;
    for (const backSignature of [null, genuine]) {
      const fields = {
        signatureType: openpgp.enums.signature.subkeyBinding,
        keyFlags: new Uint8Array([openpgp.enums.keyFlags.signData]),
        embeddedSignature: backSignature,
      };
      const data = { key: claimer.keyPacket, bind: subkey.keyPacket };
      const binding = await selfSign(secretOf(claimer), fields, data, nowMs);
      subkey.bindingSignatures = [binding];
      const claiming = claimer.toPublic();
      claiming.subkeys = [subkey];
      const verdict = await (await keyringOf([claiming.armor()])).verifyClearSigned(document);
      expect(verdict).toMatchObject({ ok: false, code: 'signature-subkey-invalid' });
      expect(verdict.ok || verdict.message).toContain('no valid back-signature');
    }
  });

  it('refuses a subkey that only encrypts, and a key without a valid user ID', async () => {
    const { privateKey } = await openpgp.generateKey({
      type: 'rsa',
      rsaBits: 2048,
      userIDs: { name: 'x' },
      date: new Date(nowMs - dayMs),
      subkeys: [{}],
      format: 'object',
    });
    const encrypting = privateKey.subkeys[0]?.keyPacket;
    if (encrypting === undefined) throw new Error('no subkey');
    const bytes = new Uint8Array(Buffer.from(manifestText.replaceAll('\n', '\r\n')));
    const fields = { signatureType: openpgp.enums.signature.text };
    if (!('privateParams' in encrypting)) throw new Error('no secret part');
    const swapped = await selfSign(encrypting, fields, { text: null, getBytes: () => bytes }, nowMs);
    const document = documentOf(packetBytes(swapped));
    expect(await codeFor(document, [privateKey.toPublic().armor()])).toBe('signature-not-for-signing');

    const nameless = await openpgp.readKey({ armoredKey: key.publicArmored });
    for (const user of nameless.users) user.selfCertifications = [];
    const good = await (await signerFor(key)).clearSign(manifestText);
    expect(await codeFor(good, [nameless.armor()])).toBe('signature-key-invalid');
  });

  it('refuses an unknown key, and distinguishes a known one that is not pinned', async () => {
    const document = await (await signerFor(other)).clearSign(manifestText);
    expect(await codeFor(document, [key.publicArmored])).toBe('signature-unknown-key');
    const keyring = await openKeyring({
      trusted: await parseTrustedKeys(key.fingerprint),
      candidates: [other.publicArmored],
      clock: clockAt(nowMs),
    });
    expect(keyring.missing).toEqual([key.fingerprint]);
    expect(await keyring.verifyClearSigned(document)).toMatchObject({
      code: 'signature-not-pinned',
      fingerprint: other.fingerprint,
    });
  });

  it('refuses a tampered text and a signature over other text', async () => {
    const signer = await signerFor(key);
    const document = await signer.clearSign(manifestText);
    const another = await signer.clearSign('{}');
    expect(await codeFor(document.replace(':12,', ':13,'), [key.publicArmored])).toBe('signature-bad');
    expect(await codeFor(another.replace('{}', manifestText), [key.publicArmored])).toBe('signature-bad');
  });

  it('reports that a tampered document is bad before it reports an expired key', async () => {
    const expired = await makeKey({ type: 'ed25519', expired: true, nowMs });
    const document = await (await signerFor(expired, nowMs - 20 * dayMs)).clearSign(manifestText);
    expect(await codeFor(document.replace(':12,', ':13,'), [expired.publicArmored])).toBe('signature-bad');
  });

  it('refuses broken hashes, even if the header claims another', async () => {
    const { md5, sha1, ripemd } = openpgp.enums.hash;
    for (const [hash, word] of [
      [md5, 'MD5'],
      [sha1, 'SHA1'],
      [ripemd, 'RIPEMD160'],
    ] as const) {
      // Ed25519 requires a long hash, so the packet is valid first and changed then: the hash is judged earlier.
      const packet = await forgePacket({ privateArmored: key.privateArmored });
      const bytes = Buffer.from(packetBytes(packet));
      bytes[bytes.indexOf(Buffer.from([4, 1, 22, 10])) + 3] = hash;
      expect(await codeFor(documentOf(bytes, manifestText, word), [key.publicArmored])).toBe(
        'signature-weak',
      );
      expect(await codeFor(documentOf(bytes), [key.publicArmored])).toBe('signature-weak');
    }
  });

  it('refuses signatures from the future, expired ones, and ones older than their key', async () => {
    const { privateArmored, publicArmored } = key;
    const cases = [
      [{ signedAtMs: nowMs + 2 * dayMs }, 'signature-from-future'],
      [{ signedAtMs: nowMs + 3_600_000 }, 'accepted'],
      [{ signedAtMs: nowMs - dayMs, lifetimeSeconds: 3600 }, 'signature-expired'],
      [{ signedAtMs: nowMs - dayMs, lifetimeSeconds: 3 * 86_400 }, 'accepted'],
      [{ signedAtMs: nowMs - 31 * dayMs }, 'signature-before-key'],
    ] as const;
    for (const [forgery, code] of cases) {
      expect(await codeFor(await forgedDocument({ privateArmored, ...forgery }), [publicArmored])).toBe(code);
    }
  });

  it('refuses other types of signature and unknown demands', async () => {
    const { privateArmored, publicArmored } = key;
    const { binary, standalone } = openpgp.enums.signature;
    const notation = { name: 'limit@example.org', value: new Uint8Array([1]), humanReadable: false };
    const cases: readonly [Partial<Forgery>, string][] = [
      [{ type: binary }, 'signature-malformed'],
      [{ type: standalone }, 'signature-malformed'],
      [{ notations: [{ ...notation, critical: true }] }, 'signature-unsupported'],
      [{ notations: [{ ...notation, critical: false }] }, 'accepted'],
    ];
    for (const [forgery, code] of cases) {
      const document = await forgedDocument({ privateArmored, ...forgery });
      expect(await codeFor(document, [publicArmored])).toBe(code);
    }
  });

  it('refuses two signatures, good or bad', async () => {
    const good = await forgePacket({ privateArmored: key.privateArmored });
    const alsoGood = await forgePacket({ privateArmored: other.privateArmored });
    const bad = await forgePacket({ privateArmored: other.privateArmored, text: '{}' });
    const trusted = [key.publicArmored, other.publicArmored];
    for (const packets of [
      [good, alsoGood],
      [good, bad],
      [bad, good],
      [good, good],
    ]) {
      expect(await codeFor(documentOf(packetBytes(...packets)), trusted)).toBe('signature-multiple');
    }
  });

  it('refuses weak RSA keys and algorithms that gpg 2.2 does not have', async () => {
    const weak = await openpgp.generateKey({
      type: 'rsa',
      rsaBits: 1024,
      userIDs: { name: 'x' },
      date: new Date(nowMs - dayMs),
      subkeys: [],
      config: { minRSABits: 1024 },
    });
    const modern = await openpgp.generateKey({
      type: 'curve25519',
      userIDs: { name: 'x' },
      date: new Date(nowMs - dayMs),
      subkeys: [],
    });
    for (const [{ privateKey, publicKey }, code] of [
      [weak, 'signature-weak'],
      [modern, 'signature-unsupported'],
    ] as const) {
      expect(await codeFor(await forgedDocument({ privateArmored: privateKey }), [publicKey])).toBe(code);
    }
  });

  it('refuses a document without a signature', async () => {
    expect(await codeFor(manifestText, [key.publicArmored])).toBe('unsigned');
    expect(await codeFor('', [key.publicArmored])).toBe('unsigned');
  });

  it('refuses a header or fingerprint that does not match the signature', async () => {
    const bytes = packetBytes(await forgePacket({ privateArmored: key.privateArmored }));
    expect(await codeFor(documentOf(bytes, manifestText, 'SHA256'), [key.publicArmored])).toBe(
      'signature-malformed',
    );
    // The key ID stays: it is in its own subpacket and in the last eight bytes of the fingerprint.
    const hex = Buffer.from(bytes)
      .toString('hex')
      .replace(key.fingerprint.toLowerCase(), (fingerprint) => {
        return `${fingerprint.startsWith('00') ? '11' : '00'}${fingerprint.slice(2)}`;
      });
    expect(await codeFor(documentOf(Buffer.from(hex, 'hex')), [key.publicArmored])).toBe(
      'signature-unknown-key',
    );
  });

  it('refuses a key that is given but not pinned', async () => {
    const { keys } = await parseTrustedKeys(key.publicArmored);
    const keyring = await openKeyring({
      trusted: { fingerprints: [], keys },
      candidates: [],
      clock: clockAt(nowMs),
    });
    const verdict = await keyring.verifyClearSigned(await (await signerFor(key)).clearSign(manifestText));
    expect(verdict.ok).toBe(false);
    expect(keyring.keys).toEqual([]);
  });

  it('judges a key by the self-signatures that count now', async () => {
    const document = await (await signerFor(key)).clearSign(manifestText);
    const { certPositive, key: direct } = openpgp.enums.signature;
    const signing = { signatureType: certPositive, keyFlags: new Uint8Array([3]) };
    const lifetime = (seconds: number) => ({ keyExpirationTime: seconds, keyNeverExpires: false });
    const cases: readonly [string, Partial<openpgp.SignaturePacket>, number, string][] = [
      [
        'none that has expired',
        { ...signing, signatureExpirationTime: 60, signatureNeverExpires: false },
        -2,
        'signature-key-invalid',
      ],
      ['none from the future', signing, 2, 'signature-key-invalid'],
      ['one a little ahead', signing, 0.01, 'accepted'],
      [
        'one that no longer lets it sign',
        { ...signing, keyFlags: new Uint8Array([1]) },
        -2,
        'signature-not-for-signing',
      ],
      ['one that ended it', { ...signing, ...lifetime(86_400) }, -2, 'signature-key-expired'],
      [
        'one directly on the key that ended it',
        { signatureType: direct, ...lifetime(86_400) },
        -2,
        'signature-key-expired',
      ],
    ];
    for (const [name, fields, days, code] of cases) {
      const secret = await openpgp.readPrivateKey({ armoredKey: key.privateArmored });
      const [user] = secret.users;
      if (user === undefined) throw new Error('no user ID');
      const data = { key: secret.keyPacket, userID: user.userID };
      const made = await selfSign(secretOf(secret), fields, data, nowMs + days * dayMs);
      const bytes = Buffer.from(secret.toPublic().write());
      const replaced = fields.signatureType === direct ? [] : [made];
      if (replaced.length > 0) user.selfCertifications = replaced;
      // Direct signatures follow the primary key packet, whose frame is short.
      const primaryEnd = 2 + (bytes[1] ?? 0);
      const source =
        replaced.length > 0
          ? secret.toPublic().armor()
          : encodeArmor(
              'PUBLIC KEY BLOCK',
              Buffer.concat([bytes.subarray(0, primaryEnd), packetBytes(made), bytes.subarray(primaryEnd)]),
            );
      expect([name, await codeFor(document, [source])]).toEqual([name, code]);
    }
  });

  it('refuses a key whose only user ID is revoked, and one created in the future', async () => {
    const secret = await openpgp.readPrivateKey({ armoredKey: key.privateArmored });
    const [user] = secret.users;
    if (user === undefined) throw new Error('no user ID');
    const document = await (await signerFor(key)).clearSign(manifestText);
    secret.users = [await user.revoke(secretOf(secret))];
    expect(await codeFor(document, [secret.toPublic().armor()])).toBe('signature-key-invalid');

    const future = await makeKey({ type: 'ed25519', nowMs: nowMs + 32 * dayMs });
    const early = await forgedDocument({
      privateArmored: future.privateArmored,
      signedAtMs: nowMs + 2 * dayMs,
    });
    expect(await codeFor(early, [future.publicArmored])).toBe('signature-key-invalid');
  });
});
