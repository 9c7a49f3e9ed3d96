import { UserError } from '@slipway/core';
import { exportPublicKey, openKeyring, parseTrustedKeys, readPublicKeys } from '@slipway/signing';
import { makeKey } from '@slipway/testkit';
import fc from 'fast-check';
import * as openpgp from 'openpgp';
import { describe, expect, it } from 'vitest';
import { clockAt, nowMs } from './support.ts';

const key = await makeKey({ type: 'ed25519', subkey: true, nowMs });
const other = await makeKey({ type: 'ed25519', expired: true, nowMs });
const fingerprint = '67F228EEAC6C80C02C43871B17FC74288868C64E';

describe('trusted keys', () => {
  it('are fingerprints in every form that people copy', async () => {
    for (const text of [
      fingerprint,
      fingerprint.toLowerCase(),
      `0x${fingerprint}`,
      '  67F2 28EE AC6C 80C0 2C43  871B 17FC 7428 8868 C64E  ',
      `# signers\n\n${fingerprint} # release key\r\n${fingerprint}`,
      `${fingerprint}, ${fingerprint};`,
    ]) {
      expect(await parseTrustedKeys(text)).toEqual({ fingerprints: [fingerprint], keys: [] });
    }
  });

  it('are armored keys too, mixed with fingerprints', async () => {
    const indented = key.publicArmored.replaceAll('\n', '\n  ');
    const trusted = await parseTrustedKeys(
      `# ours\n${fingerprint}\n  ${indented}\n${other.publicArmored}# end`,
    );
    expect(trusted.fingerprints).toEqual([fingerprint, key.fingerprint, other.fingerprint]);
    expect(trusted.keys.map((found) => found.fingerprint)).toEqual([key.fingerprint, other.fingerprint]);
  });

  it('are read in every form that people store them in', async () => {
    const base64 = Buffer.from(key.publicArmored).toString('base64');
    for (const text of [
      base64,
      Buffer.from(base64).toString('base64'),
      key.publicArmored.replaceAll('\n', '\\n'),
      key.publicArmored.replaceAll('\n', ' '),
      key.publicArmored.replaceAll(' ', '\u00a0'),
      `"${key.publicArmored}"`,
      `\ufeff${key.publicArmored.replaceAll('\n', '\r\n')}`,
    ]) {
      expect((await parseTrustedKeys(text)).fingerprints).toEqual([key.fingerprint]);
    }
    const list = `${fingerprint}\\n${other.fingerprint}`;
    expect((await parseTrustedKeys(list)).fingerprints).toEqual([fingerprint, other.fingerprint]);
    expect((await parseTrustedKeys(list.replace('\\n', ' '))).fingerprints).toHaveLength(2);
    const many = `${fingerprint}\n${other.fingerprint}\n${key.fingerprint}\n`.repeat(4);
    expect((await parseTrustedKeys(many)).fingerprints).toHaveLength(3);
  });

  it('are empty if nothing is given', async () => {
    expect(await parseTrustedKeys(' \n# nobody yet\n')).toEqual({ fingerprints: [], keys: [] });
  });

  it('are refused with all problems at once', async () => {
    const text = [
      '17FC74288868C64E',
      '0x8868C64E',
      'Ann <ann@example.org>',
      `${fingerprint}00`,
      'ab'.repeat(32),
      key.privateArmored,
      key.publicArmored.replace(/\n=[^\n]{4}\n/, '\n=AAAA\n'),
      '-----BEGIN PGP PUBLIC KEY BLOCK-----',
    ].join('\n');
    const error: unknown = await parseTrustedKeys(text).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UserError);
    if (!(error instanceof UserError)) return;
    expect(error.code).toBe('input-invalid');
    for (const part of [
      'line 1: "17FC74288868C64E" is a short key ID',
      'line 2: "0x8868C64E" is a short key ID',
      'line 3: "Ann <ann@example.org>" is neither',
      'has 42 hex digits',
      'version 5 or 6',
      'a private key does not belong here',
      'checksum is wrong',
      'has no end',
    ]) {
      expect(error.message).toContain(part);
    }
    expect(error.message).not.toContain(key.privateArmored.split('\n')[3]);
  });

  describe('in a KEYS file', () => {
    const listing = [
      'pub   ed25519 2024-01-01 [SC]',
      `      ${fingerprint}`,
      'uid           [ultimate] Rel <r@example.org>',
      'sig 3        17FC74288868C64E 2024-01-01  Rel <r@example.org>',
    ].join('\n');

    it('are those of its armored blocks, whatever its prose says', async () => {
      for (const text of [
        `This file holds the PGP keys of those who sign.\n\n${key.publicArmored}`,
        `${listing}\n\n${key.publicArmored}\n${listing}\n${key.publicArmored}`,
        `Ann Example <ann@example.org>: see\\n${fingerprint}\\n\n${key.publicArmored}`,
      ]) {
        expect((await parseTrustedKeys(text)).fingerprints).toEqual([key.fingerprint]);
      }
    });

    it('I4: are never bare fingerprints in its prose, with a notice', async () => {
      const trusted = await parseTrustedKeys(
        `Keys of Acme\n${fingerprint}\n${key.publicArmored}\n${listing}`,
      );
      expect(trusted.fingerprints).toEqual([key.fingerprint]);
      const keyring = await openKeyring({ trusted, candidates: [], clock: clockAt(nowMs) });
      expect(keyring.ignored).toEqual([expect.stringContaining(fingerprint)]);
      expect(keyring.missing).toEqual([]);
    });

    it('I4: are not keys that are commented out', async () => {
      const other = key.publicArmored;
      const oneLine = `# compromised: ${other.trimEnd().replaceAll('\n', '\\n')}`;
      const manyLines = other.trimEnd().replaceAll(/^/gm, '# ');
      for (const comment of [oneLine, manyLines]) {
        const text = `${fingerprint}\n${comment}\n`;
        expect((await parseTrustedKeys(text)).fingerprints).toEqual([fingerprint]);
        const encoded = Buffer.from(text).toString('base64');
        expect((await parseTrustedKeys(encoded)).fingerprints).toEqual([fingerprint]);
      }
    });

    it('I4: are no keys within a sentence, which are refused', async () => {
      const quoted = key.publicArmored.trimEnd().replaceAll('\n', ' ');
      await expect(
        parseTrustedKeys(`${fingerprint}\nMallory wrote to us: ${quoted} to be added.\n`),
      ).rejects.toThrow('line 2: a key begins within a sentence');
      const wrapped = `{"keys": "${key.publicArmored.trimEnd().replaceAll('\n', '\\n')}"}`;
      expect((await parseTrustedKeys(wrapped)).fingerprints).toEqual([key.fingerprint]);
    });

    it('are refused with one sentence if it has no armored key', async () => {
      const text = `${'Some words on the keys of our project.\n'.repeat(9)}${listing}`;
      const error: unknown = await parseTrustedKeys(text).catch((reason: unknown) => reason);
      expect(error).toMatchObject({
        message: 'the trusted keys cannot be used: line 1 begins a text without an armored public key',
      });
    });

    it('are refused if one of its blocks is damaged, without blaming its prose', async () => {
      const damaged = key.publicArmored.replace(/\n=[^\n]{4}\n/, '\n=AAAA\n');
      const text = `${'Some words on the keys of our project.\n'.repeat(9)}${damaged}${other.publicArmored}`;
      await expect(parseTrustedKeys(text)).rejects.toThrow(
        /^the trusted keys cannot be used: line 10: the block cannot be decoded: its checksum is wrong$/,
      );
    });
  });

  it('I8: any text gives keys or one UserError', async () => {
    const piece = fc.oneof(
      fc.string({ maxLength: 60 }),
      fc.stringMatching(/^(0x)?[0-9a-fA-F ]{8,64}$/),
      fc.constantFrom(
        '-----BEGIN PGP PUBLIC KEY BLOCK-----',
        '-----END PGP PUBLIC KEY BLOCK-----',
        key.publicArmored,
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 6 }), async (pieces) => {
        try {
          const trusted = await parseTrustedKeys(pieces.join('\n'));
          for (const pinned of trusted.fingerprints) expect(pinned).toMatch(/^[0-9A-F]{40}$/);
        } catch (error) {
          expect(error).toMatchObject({ code: 'input-invalid' });
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('public keys', () => {
  it('are described', async () => {
    const [read, expired] = await readPublicKeys(`${key.publicArmored}\n${other.publicArmored}`);
    expect(read).toMatchObject({
      fingerprint: key.fingerprint,
      userIds: ['Test Signer <signer@example.org>'],
      algorithm: 'Ed25519',
      createdAtMs: key.createdAtMs,
      expiresAtMs: undefined,
      revoked: false,
    });
    expect(read?.keyIds).toHaveLength(2);
    expect(read?.keyIds[0]).toBe(key.fingerprint.slice(-16));
    expect(read?.subkeyFingerprints).toHaveLength(1);
    expect(expired?.expiresAtMs).toBe(other.createdAtMs + 20 * 24 * 3_600_000);
    const [revoked] = await readPublicKeys((await makeKey({ type: 'ed25519', revoked: true })).publicArmored);
    expect(revoked?.revoked).toBe(true);
  });

  it('come armored, as bytes, or binary, several in a block', async () => {
    const keys = await openpgp.readKeys({ armoredKeys: key.publicArmored });
    const others = await openpgp.readKeys({ armoredKeys: other.publicArmored });
    const binary = Buffer.concat([...keys, ...others].map((each) => each.write()));
    for (const source of [binary, Buffer.from(`${key.publicArmored}${other.publicArmored}`)]) {
      const read = await readPublicKeys(source);
      expect(read.map((found) => found.fingerprint)).toEqual([key.fingerprint, other.fingerprint]);
    }
  });

  it('are the same after export', async () => {
    const [read] = await readPublicKeys(key.publicArmored);
    if (read === undefined) throw new Error('no key');
    expect(await readPublicKeys(exportPublicKey(read))).toEqual([read]);
  });

  it('I8: are limited, and private keys are refused', async () => {
    const cases: readonly [string | Uint8Array, RegExp][] = [
      ['', /no key was found/],
      ['no keys here', /no key was found/],
      ['x'.repeat(2 ** 20 + 1), /larger than 1 MiB/],
      [key.publicArmored.repeat(65), /more than 64/],
      [key.privateArmored, /private key/],
      ['-----BEGIN PGP SIGNATURE-----\n\nwsB=\n-----END PGP SIGNATURE-----', /is not a key/],
      [new Uint8Array([0xff, 0xff, 0xff]), /no well-formed/],
    ];
    for (const [source, message] of cases) {
      await expect(readPublicKeys(source)).rejects.toMatchObject({
        code: 'content-invalid',
        message: expect.stringMatching(message),
      });
    }
  });
});
