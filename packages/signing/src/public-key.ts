import { UserError } from '@slipway/core';
import { algorithmName } from './algorithm.ts';
import { decodeArmorBlock, encodeArmor, splitArmor } from './armor.ts';
import { assessKey, upperFingerprint } from './assessment.ts';
import { type KeyMaterial, mergeCopies, serializeKey } from './key-material.ts';
import { splitKeys, unsupportedKey } from './key-packets.ts';
import { loadOpenPgp, type OpenPgp } from './openpgp.ts';

const maxTextBytes = 2 ** 20;
const maxKeys = 64;

/** An OpenPGP public key (version 4) as read. Its claims about itself are verified where it is used. */
export interface PublicKey {
  /** That of the primary key: 40 upper-case hex digits. */
  readonly fingerprint: string;
  /** Those of the primary key and then of each subkey: 16 upper-case hex digits. */
  readonly keyIds: readonly string[];
  readonly subkeyFingerprints: readonly string[];
  /** From outside: print them only through `printable`. */
  readonly userIds: readonly string[];
  /** That of the primary key: `RSA-4096`, `Ed25519`, … */
  readonly algorithm: string;
  readonly createdAtMs: number;
  /** According to its newest valid self-signature; undefined if it does not expire. */
  readonly expiresAtMs: number | undefined;
  readonly revoked: boolean;
  /** As `gpg --export --armor` writes it. */
  readonly armored: string;
}

/** The armored key for `gpg --import`, with a final newline. */
export function exportPublicKey(key: PublicKey): string {
  return key.armored;
}

/**
 * Reads public keys: binary, or armored blocks with one or more keys each and any text around them. At most 1 MiB and 64
 * keys. Throws `UserError` `content-invalid` for anything unreadable, for secret keys, and if there is no key.
 */
export async function readPublicKeys(source: string | Uint8Array): Promise<PublicKey[]> {
  const keys = await readKeyPackets(source);
  const pgp = await loadOpenPgp();
  return Promise.all(
    keys.map((key) => {
      if (key.isPrivate()) throw contentInvalid('there is a private key where public keys belong');
      return describeKey(pgp, mergeCopies(pgp, [key]));
    }),
  );
}

export function describeKey(pgp: typeof OpenPgp, material: KeyMaterial): PublicKey {
  const assessed = assessKey(pgp, material, undefined);
  const components = [material.primary, ...material.subkeys.map(({ packet }) => packet)];
  return {
    fingerprint: assessed.fingerprint,
    keyIds: components.map((packet) => packet.getKeyID().toHex().toUpperCase()),
    subkeyFingerprints: components.slice(1).map(upperFingerprint),
    userIds: material.users.map(({ packet }) => packet.userID),
    algorithm: algorithmName(material.primary),
    createdAtMs: assessed.createdAtMs,
    expiresAtMs: assessed.expiresAtMs,
    revoked: assessed.revocation !== undefined,
    armored: encodeArmor('PUBLIC KEY BLOCK', serializeKey(pgp, material)),
  };
}

function contentInvalid(reason: string): UserError {
  return new UserError('content-invalid', `OpenPGP keys cannot be read: ${reason}`);
}

/** The keys, public or private, in armored or binary form; limits and errors as in `readPublicKeys`. */
export async function readKeyPackets(source: string | Uint8Array): Promise<OpenPgp.Key[]> {
  const { keys, unsupported } = await readKeyCollection(source);
  const [reason] = unsupported;
  if (reason !== undefined) throw contentInvalid(reason);
  if (keys.length === 0) throw contentInvalid('no key was found');
  return keys;
}

/** Like `readKeyPackets`, but returns keys that cannot be used separately, as part of a sentence each. */
export async function readKeyCollection(
  source: string | Uint8Array,
): Promise<{ readonly keys: OpenPgp.Key[]; readonly unsupported: readonly string[] }> {
  if (source.length > maxTextBytes) throw contentInvalid('they are larger than 1 MiB');
  const parts = typeof source === 'string' ? blocksOf(source) : binaryOrBlocks(source);
  const pgp = await loadOpenPgp();
  const keys: OpenPgp.Key[] = [];
  const unsupported: string[] = [];
  for (const binaryKeys of parts.flatMap(splitKeys)) {
    const reason = unsupportedKey(binaryKeys);
    if (reason === undefined) keys.push(...(await readKeysOf(pgp, binaryKeys)));
    else unsupported.push(reason);
    if (keys.length + unsupported.length > maxKeys) throw contentInvalid(`there are more than ${maxKeys}`);
  }
  return { keys, unsupported };
}

async function readKeysOf(pgp: typeof OpenPgp, binaryKeys: Uint8Array): Promise<OpenPgp.Key[]> {
  try {
    return await pgp.readKeys({ binaryKeys });
  } catch {
    // OpenPGP.js may quote the input in its message.
    throw contentInvalid('a block holds no well-formed OpenPGP key');
  }
}

function binaryOrBlocks(source: Uint8Array): Uint8Array[] {
  // Every packet starts with the high bit set, unlike armored text.
  if (((source[0] ?? 0) & 0x80) !== 0) return [source];
  return blocksOf(Buffer.from(source.buffer, source.byteOffset, source.length).toString('utf8'));
}

function blocksOf(text: string): Uint8Array[] {
  const { blocks, problems } = splitArmor(text);
  const [problem] = problems;
  if (problem !== undefined) throw contentInvalid(`line ${problem.line}: ${problem.text}`);
  return blocks.map((block) => {
    if (!/^(PUBLIC|PRIVATE) KEY BLOCK$/.test(block.label)) {
      throw contentInvalid(`line ${block.line}: a PGP ${block.label} is not a key`);
    }
    const bytes = decodeArmorBlock(block);
    if (typeof bytes === 'string')
      throw contentInvalid(`line ${block.line}: the block cannot be decoded: ${bytes}`);
    return bytes;
  });
}
