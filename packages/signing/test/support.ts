import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '@slipway/core';
import { type Keyring, openKeyring, openSigner, parseTrustedKeys, type Signer } from '@slipway/signing';
import type { TestKey } from '@slipway/testkit';
import * as openpgp from 'openpgp';
import { encodeArmor } from '../src/armor.ts';

export const dayMs = 24 * 3_600_000;
/** Whole seconds, as OpenPGP counts them. */
export const nowMs = Math.floor(Date.now() / 1000) * 1000;

export function clockAt(ms: number): Clock {
  return { nowMs: () => ms, sleep: () => Promise.resolve(), random: () => 0.5 };
}

/** In Spack's form of a manifest. */
export const manifestText =
  '{\n"version":3,\n"data":[\n{\n"contentLength":12,\n"compression":"gzip"\n}\n]\n}';

export function signerFor(key: TestKey, atMs = nowMs): Promise<Signer> {
  return openSigner({ armoredKey: key.privateArmored, passphrase: key.passphrase, clock: clockAt(atMs) });
}

export async function keyringOf(armored: readonly string[], atMs = nowMs): Promise<Keyring> {
  return openKeyring({
    trusted: await parseTrustedKeys(armored.join('\n')),
    candidates: [],
    clock: clockAt(atMs),
  });
}

export interface Forgery {
  readonly privateArmored: string;
  readonly text?: string;
  readonly hash?: openpgp.enums.hash;
  readonly type?: openpgp.enums.signature;
  readonly signedAtMs?: number;
  readonly lifetimeSeconds?: number;
  readonly notations?: openpgp.RawNotation[];
}

/** A signature packet that no well-behaved signer would make. */
export async function forgePacket(forgery: Forgery): Promise<openpgp.SignaturePacket> {
  const key = await openpgp.readPrivateKey({ armoredKey: forgery.privateArmored });
  const packet = new openpgp.SignaturePacket();
  packet.signatureType = forgery.type ?? openpgp.enums.signature.text;
  packet.publicKeyAlgorithm = key.keyPacket.algorithm;
  packet.hashAlgorithm = forgery.hash ?? openpgp.enums.hash.sha512;
  packet.rawNotations = forgery.notations ?? [];
  if (forgery.lifetimeSeconds !== undefined) {
    packet.signatureExpirationTime = forgery.lifetimeSeconds;
    packet.signatureNeverExpires = false;
  }
  const canonical = Buffer.from((forgery.text ?? manifestText).replaceAll('\n', '\r\n'));
  const data = { text: null, getBytes: () => new Uint8Array(canonical) };
  const date = new Date(forgery.signedAtMs ?? nowMs);
  const config = { ...openpgp.config, nonDeterministicSignaturesViaNotation: false };
  const sign: (...parameters: unknown[]) => Promise<void> = packet.sign.bind(packet) as never;
  await sign(key.keyPacket, data, date, true, config);
  return packet;
}

/** A self-signature by a private key with these fields. */
export async function selfSign(
  secret: openpgp.SecretKeyPacket | openpgp.SecretSubkeyPacket,
  fields: Partial<openpgp.SignaturePacket>,
  data: object,
  atMs: number,
  hash = openpgp.enums.hash.sha512,
): Promise<openpgp.SignaturePacket> {
  const packet = new openpgp.SignaturePacket();
  Object.assign(packet, fields);
  packet.publicKeyAlgorithm = secret.algorithm;
  packet.hashAlgorithm = hash;
  const sign: (...parameters: unknown[]) => Promise<void> = packet.sign.bind(packet) as never;
  const config = { ...openpgp.config, nonDeterministicSignaturesViaNotation: false };
  await sign(secret, data, new Date(atMs), true, config);
  return packet;
}

export function packetBytes(...packets: openpgp.AnyPacket[]): Uint8Array {
  const list = new openpgp.PacketList<openpgp.AnyPacket>();
  list.push(...packets);
  return list.write();
}

/** A document around any bytes instead of a signature. */
export function documentOf(signature: Uint8Array, text = manifestText, hash = 'SHA512'): string {
  const armor = encodeArmor('SIGNATURE', signature);
  return `-----BEGIN PGP SIGNED MESSAGE-----\nHash: ${hash}\n\n${text}\n${armor}`;
}

export async function forgedDocument(forgery: Forgery, hash = 'SHA512'): Promise<string> {
  return documentOf(packetBytes(await forgePacket(forgery)), forgery.text ?? manifestText, hash);
}

export const gpgMissing = !existsSync('/usr/bin/gpg');

/** The real gpg with its own home directory. */
export class GpgHome {
  readonly path = mkdtempSync(join(tmpdir(), 'gh-'));

  run(parameters: readonly string[], input = ''): { status: number | null; stdout: string; stderr: string } {
    const { status, stdout, stderr } = spawnSync(
      '/usr/bin/gpg',
      ['--homedir', this.path, '--batch', '--yes', '--no-tty', '--pinentry-mode', 'loopback', ...parameters],
      { input, encoding: 'utf8', env: { ...process.env, GNUPGHOME: this.path, LC_ALL: 'C' } },
    );
    return { status, stdout, stderr };
  }

  /** The output of a run that must succeed. */
  output(parameters: readonly string[], input = ''): string {
    const { status, stdout, stderr } = this.run(parameters, input);
    if (status !== 0) throw new Error(`gpg ${parameters.join(' ')} ended with ${status}: ${stderr}`);
    return stdout;
  }

  fingerprint(): string {
    const line = this.output(['--with-colons', '--list-keys']).match(/^fpr:+([0-9A-F]{40}):/m);
    return line?.[1] ?? '';
  }

  close(): void {
    spawnSync('/usr/bin/gpgconf', ['--homedir', this.path, '--kill', 'gpg-agent']);
    rmSync(this.path, { recursive: true, force: true });
  }
}
