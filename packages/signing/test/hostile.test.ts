import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '@slipway/core';
import { openKeyring, parseClearSigned, parseTrustedKeys, readPublicKeys } from '@slipway/signing';
import { makeKey, spackFixture } from '@slipway/testkit';
import fc from 'fast-check';
import * as openpgp from 'openpgp';
import { describe, expect, it } from 'vitest';
import { clockAt, documentOf, forgePacket, keyringOf, manifestText, nowMs, packetBytes } from './support.ts';

const spackFingerprint = '67F228EEAC6C80C02C43871B17FC74288868C64E';
const mirror = spackFixture('v3-signed');
const specs = join(mirror, 'v3/manifests/spec');
const documents = readdirSync(specs, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.json'))
  .map((name) => readFileSync(join(specs, name)));
const spackKey = readFileSync(
  join(mirror, 'blobs/sha256/32/32ef788c97493033a1f0a879f9bcac1a1fef00280b3e26da2e93c1342ae3112f'),
  'utf8',
);
/** The fixtures were signed on 2026-11-20. */
const fixtureClock = clockAt(Date.UTC(2026, 11, 1));
const keyring = await openKeyring({
  trusted: await parseTrustedKeys(spackFingerprint),
  candidates: [spackKey],
  clock: fixtureClock,
});

describe('what Spack and gpg signed', () => {
  it('is accepted with the key from the mirror, once its fingerprint is pinned', async () => {
    expect(documents.length).toBeGreaterThanOrEqual(5);
    for (const document of documents) {
      const verdict = await keyring.verifyClearSigned(document);
      expect(verdict).toMatchObject({ ok: true, fingerprint: spackFingerprint });
      expect(verdict.ok && JSON.parse(verdict.text)).toMatchObject({ version: 3 });
    }
    expect(keyring.missing).toEqual([]);
    expect(keyring.keys.map((status) => status.problem)).toEqual([undefined]);
  });

  it('is refused without the pin', async () => {
    const trustsNobody = await openKeyring({
      trusted: { fingerprints: [], keys: [] },
      candidates: [spackKey],
      clock: fixtureClock,
    });
    for (const document of documents) {
      const verdict = await trustsNobody.verifyClearSigned(document);
      expect(verdict).toMatchObject({
        ok: false,
        code: 'signature-not-pinned',
        fingerprint: spackFingerprint,
      });
    }
  });
});

interface Mutation {
  readonly at: number;
  readonly remove: number;
  readonly insert: string;
}

const mutation: fc.Arbitrary<Mutation> = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  remove: fc.nat({ max: 40 }),
  insert: fc.oneof(
    fc.string({ maxLength: 8, unit: 'binary' }),
    fc.constantFrom(
      '\n',
      ' ',
      '\t',
      '\r\n',
      '- ',
      '=',
      'Hash: SHA512\n',
      '-----BEGIN PGP SIGNATURE-----\n',
      '-----END PGP SIGNATURE-----\n',
      '-----BEGIN PGP SIGNED MESSAGE-----\n',
    ),
  ),
});

function mutate(text: string, mutations: readonly Mutation[]): string {
  return mutations.reduce((current, { at, remove, insert }) => {
    const offset = Math.floor(at * current.length);
    return current.slice(0, offset) + insert + current.slice(offset + remove);
  }, text);
}

describe('I4, I8: hostile input', () => {
  const originals = documents.map((document) => document.toString('utf8'));
  const signedTexts = new Set(originals.map((text) => textOf(text)));

  it('is never accepted with other text, and never throws', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...originals),
        fc.array(mutation, { minLength: 1, maxLength: 4 }),
        async (original, mutations) => {
          const document = mutate(original, mutations);
          const verdict = await keyring.verifyClearSigned(document);
          if (verdict.ok) {
            expect(signedTexts.has(verdict.text)).toBe(true);
            // Only the final newline and the unsigned part of the packet can still be changed.
            expect(document.startsWith(original.slice(0, original.indexOf('-----BEGIN PGP SIGNATURE')))).toBe(
              true,
            );
          }
        },
      ),
      { numRuns: 1500 },
    );
  });

  it('as arbitrary bytes is refused and never throws', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async (bytes) => {
        expect((await keyring.verifyClearSigned(bytes)).ok).toBe(false);
        expect((await keyring.verifyClearSigned(documentOf(bytes))).ok).toBe(false);
        expect(parseClearSigned(Buffer.from(bytes).toString('latin1')).ok).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  it('inside a signature packet is refused: every byte is flipped', async () => {
    const key = await makeKey({ type: 'ed25519', nowMs });
    const bytes = packetBytes(await forgePacket({ privateArmored: key.privateArmored }));
    const ring = await keyringOf([key.publicArmored]);
    expect(await ring.verifyClearSigned(documentOf(bytes))).toMatchObject({ ok: true });
    for (let index = 0; index < bytes.length; index += 1) {
      const flipped = Uint8Array.from(bytes, (byte, at) => (at === index ? byte ^ 0x41 : byte));
      expect(await ring.verifyClearSigned(documentOf(flipped))).toMatchObject({ ok: false });
    }
  });

  it('nested deeply inside a signature packet is refused', async () => {
    let nested = packetBytes(
      await forgePacket({ privateArmored: (await makeKey({ type: 'ed25519' })).privateArmored }),
    );
    nested = nested.subarray(2);
    // Each layer is a version 4 signature that embeds the previous one.
    while (nested.length < 5500) {
      const length = nested.length + 1;
      const sub = Buffer.concat([Buffer.from([255, 0, 0, length >> 8, length & 0xff, 32]), nested]);
      const area = Buffer.concat([Buffer.from([5, 2, 1, 1, 1, 1]), sub]);
      nested = Buffer.concat([
        Buffer.from([4, 1, 22, 10, area.length >> 8, area.length & 0xff]),
        area,
        Buffer.from([0, 0, 0, 0, 0, 8, 255, 0, 8, 255]),
      ]);
    }
    const header = Buffer.from([0xc2, 255, 0, 0, nested.length >> 8, nested.length & 0xff]);
    const verdict = await keyring.verifyClearSigned(documentOf(Buffer.concat([header, nested])));
    expect(verdict.ok).toBe(false);
  });

  it('as keys ends in a UserError or in keys', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 3 }), async (mutations) => {
        const text = mutate(spackKey, mutations);
        try {
          for (const key of await readPublicKeys(text)) expect(key.fingerprint).toMatch(/^[0-9A-F]{40}$/);
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
        }
        const opened = await openKeyring({
          trusted: { fingerprints: [spackFingerprint], keys: [] },
          candidates: [text],
          clock: fixtureClock,
        });
        expect(opened.missing.length + opened.keys.length).toBe(1);
      }),
      { numRuns: 300 },
    );
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        for (const source of [bytes, Buffer.from([0xc6, ...bytes])]) {
          await expect(readPublicKeys(source)).rejects.toBeInstanceOf(UserError);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('cannot displace a key by flooding it with self-signatures', async () => {
    const key = await makeKey({ type: 'ed25519', nowMs });
    const flooded = await openpgp.readKey({ armoredKey: key.publicArmored });
    const [certification] = flooded.users[0]?.selfCertifications ?? [];
    if (certification === undefined) throw new Error('no self-signature');
    flooded.users[0]?.selfCertifications.push(...Array.from({ length: 500 }, () => certification));
    const opened = await openKeyring({
      trusted: await parseTrustedKeys(key.fingerprint),
      candidates: [flooded.armor()],
      clock: clockAt(nowMs),
    });
    expect(opened.missing).toEqual([key.fingerprint]);
    expect(opened.ignored.join()).toContain('more than 400 self-signatures');
  });
});

function textOf(document: string): string {
  const parsed = parseClearSigned(document);
  return parsed.ok ? parsed.text : manifestText;
}
