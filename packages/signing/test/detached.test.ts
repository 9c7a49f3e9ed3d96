import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeKey, type TestKey, temporaryDirectory } from '@slipway/testkit';
import fc from 'fast-check';
import * as openpgp from 'openpgp';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { encodeArmor } from '../src/armor.ts';
import type { DetachedVerdict, Signer } from '../src/index.ts';
import {
  clockAt,
  dayMs,
  forgePacket,
  GpgHome,
  gpgMissing,
  keyringOf,
  nowMs,
  packetBytes,
  signerFor,
} from './support.ts';

const data = randomBytes(100_000);

function piecesOf(bytes: Uint8Array, size = 7_777): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let start = 0; start < bytes.length; start += size) pieces.push(bytes.subarray(start, start + size));
  return pieces;
}

function sign(signer: Signer, bytes: Uint8Array): Promise<string> {
  const signing = signer.startDetached();
  for (const piece of piecesOf(bytes)) signing.update(piece);
  return signing.finish();
}

async function verify(key: TestKey, signature: string | Uint8Array, atMs = nowMs): Promise<DetachedVerdict> {
  return (await keyringOf([key.publicArmored], atMs)).verifyDetached(signature, piecesOf(data, 10_000));
}

const kinds: readonly [string, Parameters<typeof makeKey>[0]][] = [
  ['RSA-2048', { type: 'rsa2048' }],
  ['RSA-4096 with a passphrase', { type: 'rsa4096', passphrase: 'correct horse' }],
  ['Ed25519', { type: 'ed25519' }],
  ['Ed25519 with a signing subkey and a passphrase', { type: 'ed25519', subkey: true, passphrase: 'pw äöü' }],
  ['P-256', { type: 'p256' }],
];

describe('a detached signature', () => {
  it.each(kinds)(
    'over pieces is good for the same bytes in other pieces, but not for other bytes: %s',
    async (_, kind) => {
      const key = await makeKey({ ...kind, nowMs });
      const signature = await sign(await signerFor(key), data);
      expect(signature).toMatch(/^-----BEGIN PGP SIGNATURE-----\n\n[\s\S]*\n-----END PGP SIGNATURE-----\n$/);
      expect(await verify(key, signature)).toEqual({
        ok: true,
        fingerprint: key.fingerprint,
        signedAtMs: nowMs,
      });
      const keyring = await keyringOf([key.publicArmored]);
      for (const other of [data.subarray(1), Buffer.concat([data, Buffer.alloc(1)]), Buffer.alloc(0)]) {
        expect(await keyring.verifyDetached(signature, [other])).toMatchObject({
          ok: false,
          code: 'signature-bad',
        });
      }
    },
  );

  it.each(kinds)('is also good for OpenPGP.js: %s', async (_, kind) => {
    const key = await makeKey({ ...kind, nowMs });
    const signature = await sign(await signerFor(key), data);
    const { signatures } = await openpgp.verify({
      message: await openpgp.createMessage({ binary: new Uint8Array(data) }),
      signature: await openpgp.readSignature({ armoredSignature: signature }),
      verificationKeys: await openpgp.readKey({ armoredKey: key.publicArmored }),
      date: new Date(nowMs),
    });
    await expect(signatures[0]?.verified).resolves.toBe(true);
  });

  it('may cover nothing at all', async () => {
    const key = await makeKey({ type: 'ed25519', nowMs });
    const signature = await sign(await signerFor(key), new Uint8Array());
    const keyring = await keyringOf([key.publicArmored]);
    expect(await keyring.verifyDetached(signature, [])).toMatchObject({ ok: true });
  });

  it('is not started by a signer that is closed or whose key has expired meanwhile', async () => {
    const expiring = await makeKey({ type: 'ed25519', expired: true, nowMs });
    let now = nowMs - 15 * dayMs;
    const { openSigner } = await import('../src/index.ts');
    const clock = { ...clockAt(now), nowMs: () => now };
    const signer = await openSigner({ armoredKey: expiring.privateArmored, passphrase: undefined, clock });
    await expect(sign(signer, data)).resolves.toContain('BEGIN PGP SIGNATURE');
    now = nowMs;
    expect(() => signer.startDetached()).toThrow(expect.objectContaining({ code: 'key-unusable' }));
    now = nowMs - 15 * dayMs;
    signer.close();
    expect(() => signer.startDetached()).toThrow('closed');
  });
});

describe('I4: a detached signature is refused', () => {
  let key: TestKey;
  let rsaKey: TestKey;
  let good: string;
  beforeAll(async () => {
    key = await makeKey({ type: 'ed25519', nowMs });
    rsaKey = await makeKey({ type: 'rsa2048', nowMs });
    good = await sign(await signerFor(key), data);
  });

  /** A signature over `plain` that is good apart from the changes. */
  const forge = async (changes: Partial<Parameters<typeof forgePacket>[0]> = {}): Promise<string> => {
    const type = openpgp.enums.signature.binary;
    const packet = await forgePacket({
      privateArmored: rsaKey.privateArmored,
      type,
      text: 'plain',
      ...changes,
    });
    return encodeArmor('SIGNATURE', packetBytes(packet));
  };

  it.each([
    ['signature-malformed', 'over a text', { type: openpgp.enums.signature.text }],
    ['signature-weak', 'with SHA-1', { hash: openpgp.enums.hash.sha1 }],
    ['signature-from-future', 'dated in the future', { signedAtMs: nowMs + 3 * dayMs }],
    ['signature-expired', 'that has expired', { signedAtMs: nowMs - dayMs, lifetimeSeconds: 3_600 }],
    ['signature-bad', 'over other bytes', { text: 'other' }],
  ])('%s: %s', async (code, _, changes) => {
    const keyring = await keyringOf([rsaKey.publicArmored]);
    const plain = [Buffer.from('plain')];
    expect(await keyring.verifyDetached(await forge(), plain)).toMatchObject({ ok: true });
    expect(await keyring.verifyDetached(await forge(changes), plain)).toMatchObject({ ok: false, code });
  });

  it.each([
    ['unsigned', 'that is empty', () => ''],
    ['signature-malformed', 'with text before it', () => `x\n${good}`],
    ['signature-malformed', 'with text after it', () => `${good}x\n`],
    ['signature-multiple', 'twice', () => good + good],
    ['unsigned', 'that is a key', () => key.publicArmored],
    ['unsigned', 'that is a text', () => 'some notes\n'],
    ['signature-malformed', 'cut short', () => good.slice(0, 100)],
    ['signature-malformed', 'that is too large', () => good.padStart(20_000, '\n')],
  ])('%s: %s', async (code, _, make) => {
    expect(await verify(key, make())).toMatchObject({ ok: false, code });
  });

  it('by a key that is not trusted, expired, or revoked', async () => {
    const stranger = await makeKey({ type: 'ed25519', nowMs });
    expect(await verify(stranger, good)).toMatchObject({ ok: false, code: 'signature-unknown-key' });
    const expired = await makeKey({ type: 'ed25519', expired: true, nowMs });
    const old = await sign(await signerFor(expired, nowMs - 15 * dayMs), data);
    expect(await verify(expired, old)).toMatchObject({ ok: false, code: 'signature-key-expired' });
    const revoked = await makeKey({ type: 'ed25519', revoked: true, nowMs });
    const before = { ...revoked, ...revoked.beforeRevocation };
    expect(await verify(revoked, await sign(await signerFor(before), data))).toMatchObject({
      ok: false,
      code: 'signature-key-revoked',
    });
  });

  it('I8: whatever its bytes are, without throwing', async () => {
    const packet = new Uint8Array((await openpgp.readSignature({ armoredSignature: good })).write());
    const hashedEnd = 2 + 6 + Buffer.from(packet).readUInt16BE(6);
    const keyring = await keyringOf([key.publicArmored]);
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array({ maxLength: 300 }),
          fc
            .tuple(fc.integer({ min: 2, max: hashedEnd - 1 }), fc.integer({ min: 1, max: 255 }))
            .map(([at, change]) => {
              const changed = packet.slice();
              changed[at] = (changed[at] ?? 0) ^ change;
              return changed;
            }),
        ),
        async (bytes) => {
          const verdict = await keyring.verifyDetached(bytes, [data]);
          return !verdict.ok && /^[^\n]+$/.test(verdict.message);
        },
      ),
      { numRuns: 300 },
    );
    expect(await keyring.verifyDetached(packet, [data])).toMatchObject({ ok: true });
  });
});

describe.skipIf(gpgMissing)('with gpg 2 (skipped where /usr/bin/gpg is missing)', () => {
  let gpg: GpgHome;
  beforeEach(() => {
    gpg = new GpgHome();
  });
  afterEach(() => gpg.close());

  it.each(kinds)('gpg verifies what we sign: %s', async (_, kind) => {
    const key = await makeKey({ ...kind, nowMs });
    const signer = await signerFor(key);
    gpg.output(['--import'], signer.publicKey.armored);
    const path = join(temporaryDirectory('detached'), 'data');
    writeFileSync(path, data);
    writeFileSync(`${path}.asc`, await sign(signer, data));
    const { status, stdout } = gpg.run(['--status-fd', '1', '--verify', `${path}.asc`, path], '');
    expect(status).toBe(0);
    expect(stdout).toMatch(
      new RegExp(`\\[GNUPG:\\] VALIDSIG ${signer.signingFingerprint} .* 00 ${key.fingerprint}\n`),
    );
    writeFileSync(path, data.subarray(1));
    expect(gpg.run(['--verify', `${path}.asc`, path], '').status).not.toBe(0);
  });

  it.each(['rsa3072', 'ed25519', 'nistp256'])('we accept what gpg signs with %s', async (algorithm) => {
    gpg.output([
      '--passphrase',
      '',
      '--quick-generate-key',
      'Ann <ann@example.org>',
      algorithm,
      'sign',
      '2y',
    ]);
    const path = join(temporaryDirectory('detached'), 'data');
    writeFileSync(path, data);
    const signature = gpg.output(['--armor', '--output', '-', '--detach-sign', path]);
    const keyring = await keyringOf([gpg.output(['--armor', '--export'])], Date.now());
    expect(await keyring.verifyDetached(signature, [data])).toMatchObject({
      ok: true,
      fingerprint: gpg.fingerprint(),
    });
    expect(await keyring.verifyDetached(signature, [data.subarray(1)])).toMatchObject({
      code: 'signature-bad',
    });
  });
});
