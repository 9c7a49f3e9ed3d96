import { makeKey, type TestKey } from '@slipway/testkit';
import fc from 'fast-check';
import * as openpgp from 'openpgp';
import { beforeAll, describe, expect, it } from 'vitest';
import { formatClearSigned } from '../src/clear-signed.ts';
import { hashWord } from '../src/hashes.ts';
import { type NativeSigner, openNativeSigner } from '../src/native-signer.ts';
import { readPacketFrame, signatureTag, writePacket } from '../src/packet.ts';
import { readSignatureTemplate, writeSignature } from '../src/signature-template.ts';
import { forgePacket, keyringOf, manifestText, nowMs, packetBytes, signerFor } from './support.ts';

const saltName = 'salt@notations.openpgpjs.org';
const otherText = '{"name": "Jürgen 漢字 😀"}';

type Armored = Pick<TestKey, 'privateArmored' | 'publicArmored'> & Partial<TestKey>;

interface Signed {
  readonly secret: openpgp.SecretKeyPacket | openpgp.SecretSubkeyPacket;
  readonly document: string;
}

/** The signing part of a key, and a document that OpenPGP.js signed with it. */
async function signedByOpenPgp({ privateArmored, passphrase }: Armored): Promise<Signed> {
  const locked = await openpgp.readPrivateKey({ armoredKey: privateArmored });
  const signingKeys =
    passphrase === undefined ? locked : await openpgp.decryptKey({ privateKey: locked, passphrase });
  const message = await openpgp.createMessage({ text: manifestText });
  const date = new Date(nowMs);
  const signature = await openpgp.sign({ message, signingKeys, detached: true, format: 'object', date });
  const [packet] = signature.packets;
  const { keyPacket } = await signingKeys.getSigningKey(undefined, date);
  if (!(packet instanceof openpgp.SignaturePacket) || !('privateParams' in keyPacket))
    throw new Error('no secret part');
  const document = formatClearSigned(manifestText, hashWord(packet.hashAlgorithm) ?? '', signature.write());
  return { secret: keyPacket, document };
}

async function nativeSigner(key: Armored): Promise<NativeSigner> {
  const { secret, document } = await signedByOpenPgp(key);
  const signer = await openNativeSigner(openpgp, secret, document);
  if (signer === undefined) throw new Error('the key was left to OpenPGP.js');
  return signer;
}

async function armoredKey(options: {
  readonly curve?: 'nistP384' | 'nistP521';
  readonly type: 'ecc' | 'curve25519';
}): Promise<Armored> {
  const date = new Date(nowMs);
  const made = await openpgp.generateKey({ ...options, userIDs: { name: 'x' }, date, subkeys: [] });
  return { privateArmored: made.privateKey, publicArmored: made.publicKey };
}

describe('a signature through node:crypto', () => {
  let keys: Record<'rsa' | 'ed25519' | 'p256', TestKey>;
  beforeAll(async () => {
    keys = {
      rsa: await makeKey({ type: 'rsa2048', nowMs }),
      ed25519: await makeKey({ type: 'ed25519', nowMs }),
      p256: await makeKey({ type: 'p256', nowMs }),
    };
  });

  it.each(['rsa', 'ed25519'] as const)(
    'is byte for byte the one that OpenPGP.js makes for the same text, time and salt: %s',
    async (name) => {
      const { privateArmored } = keys[name];
      const signer = await nativeSigner(keys[name]);
      await fc.assert(
        fc.asyncProperty(
          fc.string({ unit: 'grapheme', minLength: 1 }),
          fc.integer({ min: 0, max: 10 ** 6 }),
          fc.uint8Array({ minLength: signer.template.saltBytes, maxLength: signer.template.saltBytes }),
          async (line, seconds, salt) => {
            const text = `{\n${line.replaceAll('\r', '')}\n}`;
            const signedAtMs = nowMs + seconds * 1000;
            const notation = { name: saltName, value: salt, humanReadable: false, critical: false };
            const expected = await forgePacket({ privateArmored, text, signedAtMs, notations: [notation] });
            const made = await signer.sign(text, signedAtMs, salt);
            expect(Buffer.from(made)).toEqual(Buffer.from(packetBytes(expected)));
          },
        ),
        { numRuns: 60 },
      );
    },
  );

  it.each([
    ['RSA-4096 with a passphrase', { type: 'rsa4096', passphrase: 'correct horse' }],
    ['RSA-3072 with a signing subkey', { type: 'rsa3072', subkey: true }],
    ['Ed25519 with a signing subkey', { type: 'ed25519', subkey: true }],
    ['P-256', { type: 'p256' }],
    ['P-384', { type: 'ecc', curve: 'nistP384' }],
    ['P-521', { type: 'ecc', curve: 'nistP521' }],
  ] as const)('is what OpenPGP.js accepts: %s', async (_, options) => {
    const key = await (options.type === 'ecc' ? armoredKey(options) : makeKey({ ...options, nowMs }));
    const signer = await nativeSigner(key);
    const signature = await signer.sign(otherText, nowMs, new Uint8Array(signer.template.saltBytes));
    const { signatures } = await openpgp.verify({
      message: await openpgp.createMessage({ text: otherText }),
      signature: await openpgp.readSignature({ binarySignature: signature }),
      verificationKeys: await openpgp.readKey({ armoredKey: key.publicArmored }),
      date: new Date(nowMs),
    });
    expect(signatures).toHaveLength(1);
    await expect(signatures[0]?.verified).resolves.toBe(true);
  });

  it('has a salt of its own in every document', async () => {
    const signer = await signerFor(keys.rsa);
    const documents = await Promise.all(Array.from({ length: 50 }, () => signer.clearSign(otherText)));
    expect(new Set(documents).size).toBe(50);
    const keyring = await keyringOf([keys.rsa.publicArmored]);
    for (const document of documents)
      expect(await keyring.verifyClearSigned(document)).toMatchObject({ ok: true, text: otherText });
  });

  it('is not made with a key that does not match its public part', async () => {
    for (const name of ['rsa', 'ed25519', 'p256'] as const) {
      const type = name === 'rsa' ? 'rsa2048' : name;
      const other = (await signedByOpenPgp(await makeKey({ type, nowMs }))).secret;
      const { secret, document } = await signedByOpenPgp(keys[name]);
      secret.privateParams = other.privateParams;
      expect(await openNativeSigner(openpgp, secret, document)).toBeUndefined();
    }
  });

  it('is not made with a broken key, and no error reveals the key', async () => {
    for (const name of ['rsa', 'ed25519', 'p256'] as const) {
      for (const broken of [null, {}, { d: new Uint8Array(0), seed: new Uint8Array(3) }]) {
        const { secret, document } = await signedByOpenPgp(keys[name]);
        secret.privateParams = broken;
        expect(await openNativeSigner(openpgp, secret, document)).toBeUndefined();
      }
    }
  });

  it('I7: is not made after the signer was closed', async () => {
    const signer = await nativeSigner(keys.rsa);
    const salt = new Uint8Array(signer.template.saltBytes);
    const underWay = signer.sign(otherText, nowMs, salt);
    signer.close();
    await expect(underWay).resolves.toBeInstanceOf(Uint8Array);
    await expect(signer.sign(otherText, nowMs, salt)).rejects.toThrow('closed');
  });

  it('is left to OpenPGP.js for other algorithms and for invalid documents', async () => {
    const modern = await signedByOpenPgp(await armoredKey({ type: 'curve25519' }));
    expect(await openNativeSigner(openpgp, modern.secret, modern.document)).toBeUndefined();
    const { secret, document } = await signedByOpenPgp(keys.rsa);
    expect(await openNativeSigner(openpgp, secret, `${document}x`)).toBeUndefined();
  });

  it('is left to OpenPGP.js if its own signature has another form', async () => {
    openpgp.config.nonDeterministicSignaturesViaNotation = false;
    try {
      for (const key of Object.values(keys)) {
        const { secret, document } = await signedByOpenPgp(key);
        expect(await openNativeSigner(openpgp, secret, document)).toBeUndefined();
        const signed = await (await signerFor(key)).clearSign(otherText);
        const verdict = await (await keyringOf([key.publicArmored])).verifyClearSigned(signed);
        expect(verdict).toMatchObject({ ok: true, text: otherText });
      }
    } finally {
      openpgp.config.nonDeterministicSignaturesViaNotation = true;
    }
  });
});

describe('the pattern of a signature', () => {
  const salt = { name: saltName, value: new Uint8Array(32).fill(7), humanReadable: false, critical: false };
  let key: TestKey;
  beforeAll(async () => {
    key = await makeKey({ type: 'ed25519', nowMs });
  });

  async function templateOf(
    more: Partial<Parameters<typeof forgePacket>[0]>,
  ): Promise<ReturnType<typeof readSignatureTemplate>> {
    const packet = await forgePacket({ privateArmored: key.privateArmored, notations: [salt], ...more });
    return readSignatureTemplate(packet.write());
  }

  it("has the signature's time and salt", async () => {
    expect(await templateOf({})).toMatchObject({ dateMs: nowMs, saltBytes: 32, hashAlgorithm: 10 });
    expect((await templateOf({}))?.salt).toEqual(Buffer.alloc(32, 7));
  });

  it('is not taken from a signature without one salt, or with another notation', async () => {
    for (const notations of [
      [],
      [salt, salt],
      [{ ...salt, name: 'policy@example.org' }],
      [salt, { ...salt, name: 'salt@notations.openpgpjs.com' }],
      [{ ...salt, value: new Uint8Array(8) }],
      [{ ...salt, value: new Uint8Array(300) }],
    ]) {
      expect(await templateOf({ notations })).toBeUndefined();
    }
  });

  it('is not taken from a signature with an unhashed part', async () => {
    const packet = await forgePacket({ privateArmored: key.privateArmored, notations: [salt] });
    packet.unhashedSubpackets.push({ type: 100, critical: false, body: new Uint8Array(1) });
    expect(readSignatureTemplate(packet.write())).toBeUndefined();
  });

  it('I8: is not taken from garbage, without throwing', async () => {
    const packet = await forgePacket({ privateArmored: key.privateArmored, notations: [salt] });
    const body = packet.write();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(body.length), fc.nat(255), (bytes, at, byte) => {
        readSignatureTemplate(Uint8Array.of(4, ...bytes));
        readSignatureTemplate(body.subarray(0, at));
        const changed = Uint8Array.from(body);
        changed[at] = byte;
        const template = readSignatureTemplate(changed);
        if (template !== undefined) expect(template.fill(template.dateMs, template.salt)[0]).toBe(4);
      }),
    );
  });
});

describe('a packet', () => {
  it('is read as it was written, whatever its size', () => {
    for (const size of [0, 1, 191, 192, 193, 8383, 8384, 70_000]) {
      const body = new Uint8Array(size).fill(1);
      const bytes = writePacket(signatureTag, body);
      const frame = readPacketFrame(bytes, 0);
      expect(frame).toMatchObject({ tag: signatureTag, end: bytes.length });
      expect(Buffer.from(frame?.body ?? []).equals(body)).toBe(true);
    }
  });

  it('of a signature has integers without leading zeros, as OpenPGP.js writes them', async () => {
    const key = await makeKey({ type: 'ed25519', nowMs });
    const packet = await forgePacket({ privateArmored: key.privateArmored });
    const hashedPart = packet.signatureData ?? new Uint8Array(0);
    const digest = packet.signedHashValue ?? new Uint8Array(0);
    for (const first of [[0, 0, 1], [0, 255], [128], [1]]) {
      const integers = [Uint8Array.of(...first, 5), Uint8Array.of(...first, 6, 0)];
      const made = writeSignature(hashedPart, digest, integers);
      const read = new openpgp.SignaturePacket();
      read.read(readPacketFrame(made, 0)?.body ?? new Uint8Array(0));
      expect(Buffer.from(packetBytes(read))).toEqual(Buffer.from(made));
    }
  });
});
