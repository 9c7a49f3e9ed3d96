import { openKeyring, openSigner, parseTrustedKeys } from '@slipway/signing';
import { makeKey, type TestKey } from '@slipway/testkit';
import fc from 'fast-check';
import * as openpgp from 'openpgp';
import { beforeAll, describe, expect, it } from 'vitest';
import { assessKey } from '../src/assessment.ts';
import { mergeCopies } from '../src/key-material.ts';
import { indexSigners } from '../src/keyring.ts';
import { checkDigest, checkSignature } from '../src/signature-check.ts';
import { verifyDocument } from '../src/verification.ts';
import {
  clockAt,
  documentOf,
  forgedDocument,
  forgePacket,
  keyringOf,
  manifestText,
  nowMs,
  packetBytes,
  selfSign,
} from './support.ts';

let key: TestKey;
let packet: openpgp.PublicKeyPacket;
beforeAll(async () => {
  key = await makeKey({ type: 'ed25519', nowMs });
  packet = mergeCopies(openpgp, [await openpgp.readKey({ armoredKey: key.publicArmored })]).primary;
});

/** A key on an unsupported curve. */
function withoutCurve(): openpgp.PublicKeyPacket {
  const copy = new openpgp.PublicKeyPacket();
  Object.assign(copy, packet);
  copy.publicParams = { ...packet.publicParams, Q: new Uint8Array(5) };
  return copy;
}

const canonical = Buffer.from(manifestText.replaceAll('\n', '\r\n'));

describe('I4: what cannot be computed is never called a bad signature, and never a good one', () => {
  it('of one signature: it cannot be checked', async () => {
    const body = (await forgePacket({ privateArmored: key.privateArmored })).write();
    expect(checkSignature(openpgp, body, packet, canonical)).toBe('good');
    const uncheckable = { uncheckable: expect.stringContaining('cannot compute') };
    expect(checkSignature(openpgp, body, withoutCurve(), canonical)).toEqual(uncheckable);
    expect(await checkDigest(openpgp, body, withoutCurve(), new Uint8Array(64))).toEqual(uncheckable);
  });

  it('of a document: it is refused as unsupported, with the reason', async () => {
    const document = await forgedDocument({ privateArmored: key.privateArmored });
    const material = mergeCopies(openpgp, [await openpgp.readKey({ armoredKey: key.publicArmored })]);
    const assessed = assessKey(openpgp, material, nowMs);
    const components = assessed.components.map((each) => ({ ...each, packet: withoutCurve() }));
    const index = {
      signers: indexSigners([{ ...assessed, components }]),
      notPinned: new Map<string, string>(),
    };
    expect(await verifyDocument(openpgp, index, document, nowMs)).toMatchObject({
      ok: false,
      code: 'signature-unsupported',
      message: expect.stringContaining('cannot be checked: node:crypto cannot compute'),
      fingerprint: key.fingerprint,
    });
  });

  it('of a key: it cannot be checked, and is not said to lack a user ID', async () => {
    const material = mergeCopies(openpgp, [await openpgp.readKey({ armoredKey: key.publicArmored })]);
    const broken = Object.assign(withoutCurve(), {
      write: () => packet.write(),
      getFingerprint: () => packet.getFingerprint(),
    });
    const { fault } = assessKey(openpgp, { ...material, primary: broken }, nowMs);
    expect(fault).toMatchObject({
      code: 'signature-unsupported',
      message: expect.stringContaining('cannot be checked'),
    });
  });

  it('of a key with an unknown demand: the error says so', async () => {
    const secret = await openpgp.readPrivateKey({ armoredKey: key.privateArmored });
    const [user] = secret.users;
    if (user?.userID == null || !('privateParams' in secret.keyPacket)) throw new Error('no user ID');
    const fields = {
      signatureType: openpgp.enums.signature.certGeneric,
      keyFlags: new Uint8Array([openpgp.enums.keyFlags.signData]),
      rawNotations: [
        { name: 'limit@example.org', value: new Uint8Array([1]), humanReadable: false, critical: true },
      ],
    };
    const data = { userID: user.userID, key: secret.keyPacket };
    user.selfCertifications = [await selfSign(secret.keyPacket, fields, data, nowMs)];
    const keyring = await keyringOf([secret.toPublic().armor()]);
    expect(keyring.keys[0]?.problem).toContain('critical part that is not supported');
    await expect(
      openSigner({ armoredKey: secret.armor(), passphrase: undefined, clock: clockAt(nowMs) }),
    ).rejects.toThrow('critical part that is not supported');
  });

  it('of an unknown version or algorithm: the error says so', async () => {
    const keyring = await keyringOf([key.publicArmored]);
    const good = packetBytes(await forgePacket({ privateArmored: key.privateArmored }));
    const at = Buffer.from(good).indexOf(Buffer.from([4, 1, 22, 10]));
    for (const [offset, byte, message] of [
      [0, 3, 'version 3'],
      [0, 6, 'version 6'],
      [2, 99, 'algorithm 99'],
    ] as const) {
      const changed = Buffer.from(good);
      changed[at + offset] = byte;
      expect(await keyring.verifyClearSigned(documentOf(changed))).toMatchObject({
        code: 'signature-unsupported',
        message: expect.stringContaining(message),
      });
    }
  });

  it('of a revocation with an unknown demand: it still counts', async () => {
    const secret = await openpgp.readPrivateKey({ armoredKey: key.privateArmored });
    if (!('privateParams' in secret.keyPacket)) throw new Error('no secret part');
    const fields = {
      signatureType: openpgp.enums.signature.keyRevocation,
      rawNotations: [
        { name: 'limit@example.org', value: new Uint8Array([1]), humanReadable: false, critical: true },
      ],
    };
    const revocation = await selfSign(secret.keyPacket, fields, { key: secret.keyPacket }, nowMs);
    const revoked = secret.toPublic();
    revoked.revocationSignatures = [revocation];
    const document = await forgedDocument({ privateArmored: key.privateArmored });
    expect(await (await keyringOf([revoked.armor()])).verifyClearSigned(document)).toMatchObject({
      code: 'signature-key-revoked',
    });
  });
});

describe('I8: bytes instead of a signature', () => {
  const seed = 15;
  it(`are bad, by every kind of key, and never an exception (seed ${seed})`, async () => {
    const types = ['rsa2048', 'ed25519', 'p256'] as const;
    const keys = await Promise.all(types.map((type) => makeKey({ type, nowMs })));
    const packets = await Promise.all(
      keys.map(async ({ publicArmored }) => (await openpgp.readKey({ armoredKey: publicArmored })).keyPacket),
    );
    const bodies = await Promise.all(
      keys.map(async ({ privateArmored }) => (await forgePacket({ privateArmored })).write()),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.nat(2),
        fc.array(fc.tuple(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.nat(255)), { maxLength: 4 }),
        fc.double({ min: 0.1, max: 1, noNaN: true }),
        async (which, changes, kept) => {
          const [body, by] = [bodies[which] ?? new Uint8Array(), packets[which] ?? packet];
          const changed = Buffer.from(body.subarray(0, Math.ceil(body.length * kept)));
          for (const [at, byte] of changes) changed[Math.floor(at * changed.length)] = byte;
          const isSame = Buffer.from(body).equals(changed);
          const check = checkSignature(openpgp, changed, by, canonical);
          // Only unhashed data could be changed, and here it is empty.
          if (isSame) expect(check).toBe('good');
          else expect(check).toBe('bad');
          expect(await checkDigest(openpgp, changed, by, new Uint8Array(64))).toBe('bad');
        },
      ),
      { seed, numRuns: 1500 },
    );
  });
});

describe('a candidate key', () => {
  it('with one unsupported part does not hide another', async () => {
    const version6 = await openpgp.generateKey({
      type: 'curve25519',
      userIDs: { name: 'x' },
      config: { v6Keys: true },
    });
    const trusted = await parseTrustedKeys(`${version6.publicKey}\n${key.publicArmored}`);
    expect(trusted.fingerprints).toEqual([key.fingerprint]);
    const keyring = await openKeyring({ trusted, candidates: [], clock: clockAt(nowMs) });
    expect(keyring.ignored.join()).toContain('version 6');
    await expect(parseTrustedKeys(version6.publicKey)).rejects.toThrow('version 6');
  });
});
