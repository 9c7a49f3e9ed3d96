import { createHash } from 'node:crypto';
import { decodeArmorBlock, splitArmor } from './armor.ts';
import { type FramingProblem, onlySignaturePacket } from './clear-signed.ts';
import { hashName } from './hashes.ts';
import type { OpenPgp } from './openpgp.ts';
import { checkDigest, hashedEnd } from './signature-check.ts';
import { judgeSignature, type SignatureJudgement, type SignerIndex } from './verification.ts';

const maxSignatureBytes = 16 * 1024;

/** The verdict on a detached signature. `fingerprint` is that of the primary key, 40 upper-case hex digits. */
export type DetachedVerdict = SignatureJudgement;

export interface DetachedVerification {
  update(bytes: Uint8Array): void;
  /** The verdict on the bytes given so far. Never throws. */
  finish(): Promise<DetachedVerdict>;
}

/**
 * Starts verifying a detached signature (RFC 9580 section 10.4), armored or binary. It must be the only one in its file and
 * cover the bytes as they are. Never throws: problems are in the verdict.
 */
export function startDetachedVerification(
  pgp: typeof OpenPgp,
  index: SignerIndex,
  signature: string | Uint8Array,
  nowMs: number,
): DetachedVerification {
  const packet = readDetachedSignature(signature);
  if (!(packet instanceof Uint8Array)) return decided({ ok: false, ...packet });
  // For a malformed packet, the verdict does not depend on the hash.
  const digesting = createHash(hashName(packet[3]) ?? 'sha256');
  return {
    update: (bytes) => void digesting.update(bytes),
    finish: () => {
      digesting.update(hashedEnd(packet));
      const digest = digesting.digest();
      return judgeDetached(pgp, index, { packet, digest }, nowMs);
    },
  };
}

/** Judges a signature over bytes by their digest alone, which must include what the signature adds. */
export function judgeDetached(
  pgp: typeof OpenPgp,
  index: SignerIndex,
  { packet, digest }: { readonly packet: Uint8Array; readonly digest: Uint8Array },
  nowMs: number,
): Promise<DetachedVerdict> {
  return judgeSignature(
    pgp,
    index,
    {
      packet,
      over: 'bytes',
      isBy: (component) => checkDigest(pgp, packet, component.packet, digest),
    },
    nowMs,
  );
}

function decided(verdict: DetachedVerdict): DetachedVerification {
  return { update: () => undefined, finish: async () => verdict };
}

function readDetachedSignature(signature: string | Uint8Array): Uint8Array | FramingProblem {
  const malformed = (message: string): FramingProblem => ({ code: 'signature-malformed', message });
  if (signature.length > maxSignatureBytes) return malformed('its signature is too large');
  if (typeof signature !== 'string' && ((signature[0] ?? 0) & 0x80) !== 0)
    return onlySignaturePacket(signature);
  const text = typeof signature === 'string' ? signature : Buffer.from(signature).toString('latin1');
  const { blocks, rest, problems } = splitArmor(text);
  const [block, ...others] = blocks;
  if (problems.length > 0) return malformed('its signature is cut short or contains another one');
  if (block === undefined) return { code: 'unsigned', message: 'it has no signature' };
  if (block.label !== 'SIGNATURE')
    return { code: 'unsigned', message: `it is a PGP ${block.label}, not a signature` };
  if (others.length > 0) return { code: 'signature-multiple', message: 'it has more than one signature' };
  if (rest.some((line) => line.text !== '')) return malformed('it has something besides its signature');
  const bytes = decodeArmorBlock(block);
  return typeof bytes === 'string'
    ? malformed(`its signature cannot be decoded: ${bytes}`)
    : onlySignaturePacket(bytes);
}
