import { makeKey } from '@slipway/testkit';
import * as openpgp from 'openpgp';
import { describe, expect, it } from 'vitest';
import { encodeArmor } from '../src/armor.ts';
import {
  dayMs,
  documentOf,
  forgedDocument,
  forgePacket,
  keyringOf,
  manifestText,
  nowMs,
  packetBytes,
  selfSign,
} from './support.ts';

const {
  certPositive,
  certRevocation,
  key: direct,
  keyRevocation,
  subkeyBinding,
  text,
} = openpgp.enums.signature;
const { md5, ripemd, sha1 } = openpgp.enums.hash;
const signs = new Uint8Array([0x03]);
const certifiesAlone = new Uint8Array([0x01]);
const secondMs = 1_000;
const ends = (afterSeconds: number) => ({ keyExpirationTime: afterSeconds, keyNeverExpires: false });

/** Signature fields with an unknown subpacket, which OpenPGP.js reads but does not write. */
function unknownSubpacket(critical: boolean): Partial<openpgp.SignaturePacket> {
  const { writeHashedSubPackets } = openpgp.SignaturePacket.prototype as unknown as {
    writeHashedSubPackets(): Uint8Array;
  };
  return {
    writeHashedSubPackets(this: openpgp.SignaturePacket): Uint8Array {
      const known = writeHashedSubPackets.call(this).subarray(2);
      const all = Buffer.concat([Buffer.alloc(2), known, Buffer.from([2, 60 | (critical ? 0x80 : 0), 1])]);
      all.writeUInt16BE(all.length - 2);
      return all;
    },
  } as object;
}

type SecretPacket = openpgp.SecretKeyPacket | openpgp.SecretSubkeyPacket;

function secretPart(packet: openpgp.AnyKeyPacket | undefined): SecretPacket {
  if (packet === undefined || !('privateParams' in packet)) throw new Error('no secret part');
  return packet as SecretPacket;
}

/** A 30-day key whose self-signatures the test makes. */
async function ownKey(type: 'rsa2048' | 'ed25519' = 'ed25519') {
  const { privateArmored, createdAtMs } = await makeKey({ type, nowMs });
  const secret = await openpgp.readPrivateKey({ armoredKey: privateArmored });
  const primary = secretPart(secret.keyPacket);
  const original = secret.users[0]?.userID;
  if (original == null) throw new Error('no user ID');
  const userId: openpgp.UserIDPacket = original;
  return {
    createdAtMs,
    userId,
    document: () => forgedDocument({ privateArmored }),
    certify: (
      fields: Partial<openpgp.SignaturePacket>,
      atMs: number,
      hash?: openpgp.enums.hash,
      certified: openpgp.UserIDPacket = userId,
    ) =>
      selfSign(
        primary,
        { signatureType: certPositive, keyFlags: signs, ...fields },
        { key: primary, userID: certified },
        atMs,
        hash,
      ),
    onKey: (fields: Partial<openpgp.SignaturePacket>, atMs: number, hash?: openpgp.enums.hash) =>
      selfSign(primary, fields, { key: primary }, atMs, hash),
    armored: (...packets: readonly openpgp.AnyPacket[]) =>
      encodeArmor('PUBLIC KEY BLOCK', packetBytes(secret.toPublic().keyPacket, ...packets)),
  };
}

async function judged(document: string, trusted: string, atMs = nowMs): Promise<string> {
  const verdict = await (await keyringOf([trusted], atMs)).verifyClearSigned(document);
  return verdict.ok ? 'accepted' : verdict.code;
}

describe('I4: a weak hash', () => {
  it.each([md5, ripemd])('does not count for a claim about the key: %i', async (hash) => {
    const key = await ownKey('rsa2048');
    const document = await key.document();
    const weak = await key.certify({}, nowMs - dayMs, hash);
    expect(await judged(document, key.armored(key.userId, weak))).toBe('signature-key-invalid');
    const strong = await key.certify({}, nowMs - 2 * dayMs);
    expect(await judged(document, key.armored(key.userId, weak, strong))).toBe('accepted');
  });

  it.each([md5, ripemd, sha1])('does not invalidate a revocation: %i', async (hash) => {
    const key = await ownKey('rsa2048');
    const document = await key.document();
    const revocation = await key.onKey({ signatureType: keyRevocation }, nowMs - dayMs, hash);
    const own = await key.certify({}, nowMs - 2 * dayMs);
    expect(await judged(document, key.armored(key.userId, own))).toBe('accepted');
    expect(await judged(document, key.armored(revocation, key.userId, own))).toBe('signature-key-revoked');
  });
});

describe("I4: among a key's self-signatures", () => {
  it('a revocation of a user ID counts from the second of its certification on', async () => {
    const key = await ownKey();
    const document = await key.document();
    const own = await key.certify({}, nowMs - dayMs);
    for (const [afterMs, expected] of [
      [-secondMs, 'accepted'],
      [0, 'signature-key-invalid'],
      [secondMs, 'signature-key-invalid'],
    ] as const) {
      const revocation = await key.certify({ signatureType: certRevocation }, nowMs - dayMs + afterMs);
      expect([afterMs, await judged(document, key.armored(key.userId, own, revocation))]).toEqual([
        afterMs,
        expected,
      ]);
    }
  });

  it('the newest decides what the key may do, in whatever order they come', async () => {
    const key = await ownKey();
    const document = await key.document();
    const [older, newer] = [nowMs - 3 * dayMs, nowMs - dayMs];
    for (const [olderFlags, newerFlags, expected] of [
      [signs, certifiesAlone, 'signature-not-for-signing'],
      [certifiesAlone, signs, 'accepted'],
    ] as const) {
      const first = await key.certify({ keyFlags: olderFlags }, older);
      const second = await key.certify({ keyFlags: newerFlags }, newer);
      for (const order of [
        [first, second],
        [second, first],
      ]) {
        expect(await judged(document, key.armored(key.userId, ...order))).toBe(expected);
      }
    }
  });

  it('the newest of several user IDs decides, in whatever order they come', async () => {
    const key = await ownKey();
    const document = await key.document();
    const another = openpgp.UserIDPacket.fromObject({ name: 'Another', email: 'another@example.org' });
    for (const [firstMs, secondMs, expected] of [
      [nowMs - 3 * dayMs, nowMs - dayMs, 'signature-not-for-signing'],
      [nowMs - dayMs, nowMs - 3 * dayMs, 'accepted'],
    ] as const) {
      const may = [key.userId, await key.certify({ keyFlags: signs }, firstMs)];
      const mayNot = [another, await key.certify({ keyFlags: certifiesAlone }, secondMs, undefined, another)];
      expect(await judged(document, key.armored(...may, ...mayNot))).toBe(expected);
      expect(await judged(document, key.armored(...mayNot, ...may))).toBe(expected);
    }
  });

  it('the earlier of two expiry dates counts, whichever signature states it', async () => {
    const key = await ownKey();
    const document = await key.document();
    const [ended, later] = [ends(29 * 86_400), ends(60 * 86_400)];
    for (const [ofUser, ofKey, expected] of [
      [ended, later, 'signature-key-expired'],
      [later, ended, 'signature-key-expired'],
      [later, later, 'accepted'],
    ] as const) {
      const own = await key.certify(ofUser, nowMs - 2 * dayMs);
      const onKey = await key.onKey({ signatureType: direct, ...ofKey }, nowMs - 2 * dayMs);
      expect(await judged(document, key.armored(onKey, key.userId, own))).toBe(expected);
    }
  });

  it('one that expires now no longer decides anything', async () => {
    const key = await ownKey();
    const document = await key.document();
    const older = await key.certify({ keyFlags: certifiesAlone }, nowMs - 3 * dayMs);
    const ending = { signatureExpirationTime: 86_400, signatureNeverExpires: false };
    const newer = await key.certify(ending, nowMs - dayMs);
    const armored = key.armored(key.userId, older, newer);
    expect(await judged(document, armored, nowMs - 1)).toBe('accepted');
    expect(await judged(document, armored, nowMs)).toBe('signature-not-for-signing');
  });

  it('one with an unknown demand is not believed', async () => {
    const key = await ownKey();
    const document = await key.document();
    const demanding = await key.certify(unknownSubpacket(true), nowMs - dayMs);
    expect(await judged(document, key.armored(key.userId, demanding))).toBe('signature-unsupported');
    const remarking = await key.certify(unknownSubpacket(false), nowMs - dayMs);
    expect(await judged(document, key.armored(key.userId, remarking))).toBe('accepted');
  });

  it('one that lets another key revoke it is not believed, since that revocation would go unseen', async () => {
    const key = await ownKey();
    const revocable = await key.certify(
      {
        revocationKeyClass: 0x80,
        revocationKeyAlgorithm: 22,
        revocationKeyFingerprint: new Uint8Array(20).fill(7),
      } as object,
      nowMs - dayMs,
    );
    expect(await judged(await key.document(), key.armored(key.userId, revocable))).toBe(
      'signature-unsupported',
    );
  });
});

describe('I4: at the exact moment', () => {
  it('of its expiry, a key no longer counts', async () => {
    const expired = await makeKey({ type: 'ed25519', expired: true, nowMs });
    const document = await forgedDocument({
      privateArmored: expired.privateArmored,
      signedAtMs: nowMs - 20 * dayMs,
    });
    const endsAtMs = expired.createdAtMs + 20 * dayMs;
    expect(await judged(document, expired.publicArmored, endsAtMs - 1)).toBe('accepted');
    expect(await judged(document, expired.publicArmored, endsAtMs)).toBe('signature-key-expired');
  });

  it('of its expiry, a signature no longer counts', async () => {
    const key = await makeKey({ type: 'ed25519', nowMs });
    const document = await forgedDocument({
      privateArmored: key.privateArmored,
      signedAtMs: nowMs - dayMs,
      lifetimeSeconds: 86_400,
    });
    expect(await judged(document, key.publicArmored, nowMs - 1)).toBe('accepted');
    expect(await judged(document, key.publicArmored, nowMs)).toBe('signature-expired');
  });

  it("of its key's creation, a signature counts", async () => {
    const key = await makeKey({ type: 'ed25519', nowMs });
    const at = async (signedAtMs: number) =>
      judged(await forgedDocument({ privateArmored: key.privateArmored, signedAtMs }), key.publicArmored);
    expect(await at(key.createdAtMs)).toBe('accepted');
    expect(await at(key.createdAtMs - secondMs)).toBe('signature-before-key');
  });
});

describe('I4: a signing subkey', () => {
  /** A document signed by a subkey made at `madeMs`, and the subkey's key. */
  async function signedBySubkey(madeMs: number, signedAtMs: number, lifetimeSeconds = 0) {
    const { privateKey } = await openpgp.generateKey({
      type: 'ecc',
      curve: 'ed25519Legacy',
      userIDs: { name: 'x' },
      date: new Date(nowMs - 30 * dayMs),
      subkeys: [],
      format: 'object',
    });
    const { privateKey: other } = await openpgp.generateKey({
      type: 'ecc',
      curve: 'ed25519Legacy',
      userIDs: { name: 'y' },
      date: new Date(madeMs),
      subkeys: [{ sign: true, date: new Date(madeMs) }],
      format: 'object',
    });
    const subkey = secretPart(other.subkeys[0]?.keyPacket);
    const primary = secretPart(privateKey.keyPacket);
    const data = { key: primary, bind: subkey };
    const boundMs = Math.min(madeMs, nowMs);
    const back = await selfSign(subkey, { signatureType: openpgp.enums.signature.keyBinding }, data, boundMs);
    const fields = { signatureType: subkeyBinding, keyFlags: signs, embeddedSignature: back };
    const end = lifetimeSeconds === 0 ? {} : ends(lifetimeSeconds);
    const binding = await selfSign(primary, { ...fields, ...end }, data, boundMs);
    const [publicSubkey] = other.toPublic().subkeys;
    if (publicSubkey === undefined) throw new Error('no subkey');
    publicSubkey.bindingSignatures = [binding];
    const trusted = privateKey.toPublic();
    trusted.subkeys = [publicSubkey];
    const bytes = new Uint8Array(Buffer.from(manifestText.replaceAll('\n', '\r\n')));
    const signature = await selfSign(
      subkey,
      { signatureType: text },
      { text: null, getBytes: () => bytes },
      signedAtMs,
    );
    return { document: documentOf(packetBytes(signature)), armored: trusted.armor() };
  }

  it('cannot have made a signature older than itself, even if its key is older', async () => {
    const madeMs = nowMs - 10 * dayMs;
    for (const [signedAtMs, expected] of [
      [madeMs - secondMs, 'signature-before-key'],
      [madeMs, 'accepted'],
    ] as const) {
      const { document, armored } = await signedBySubkey(madeMs, signedAtMs);
      expect(await judged(document, armored)).toBe(expected);
    }
  });

  it('no longer counts at the exact moment of its expiry', async () => {
    const { document, armored } = await signedBySubkey(nowMs - 10 * dayMs, nowMs - 9 * dayMs, 5 * 86_400);
    expect(await judged(document, armored, nowMs - 5 * dayMs - 1)).toBe('accepted');
    expect(await judged(document, armored, nowMs - 5 * dayMs)).toBe('signature-subkey-expired');
  });

  it('from the future does not count', async () => {
    const { document, armored } = await signedBySubkey(nowMs + 2 * dayMs, nowMs);
    expect(await judged(document, armored)).toBe('signature-subkey-invalid');
  });
});

describe('I4: a signature over a document', () => {
  it.each([
    [true, 'signature-unsupported'],
    [false, 'accepted'],
  ] as const)('with an unknown subpacket that is critical (%s) is %s', async (critical, expected) => {
    const { privateArmored, publicArmored } = await makeKey({ type: 'ed25519', nowMs });
    const secret = await openpgp.readPrivateKey({ armoredKey: privateArmored });
    const bytes = new Uint8Array(Buffer.from(manifestText.replaceAll('\n', '\r\n')));
    const fields = { signatureType: text, ...unknownSubpacket(critical) };
    const data = { text: null, getBytes: () => bytes };
    const signature = await selfSign(secretPart(secret.keyPacket), fields, data, nowMs);
    expect(await judged(documentOf(packetBytes(signature)), publicArmored)).toBe(expected);
    const plain = await forgePacket({ privateArmored });
    expect(await judged(documentOf(packetBytes(plain)), publicArmored)).toBe('accepted');
  });
});
