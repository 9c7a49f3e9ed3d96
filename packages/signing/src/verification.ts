import { type AssessedKey, componentFault, dateText, keyFault, type SigningComponent } from './assessment.ts';
import { type FramingCode, parseClearSigned } from './clear-signed.ts';
import { hashWord } from './hashes.ts';
import type { KeyFaultCode } from './key-fault.ts';
import type { OpenPgp } from './openpgp.ts';
import { createdMs, isInFuture, signatureExpiryMs } from './self-signature.ts';
import { checkSignature, type SignatureCheck } from './signature-check.ts';

export type SignatureCode =
  | FramingCode
  | KeyFaultCode
  | 'signature-bad'
  | 'signature-unknown-key'
  | 'signature-not-pinned'
  | 'signature-expired'
  | 'signature-from-future'
  | 'signature-before-key';

export type SignatureVerdict =
  | {
      readonly ok: true;
      /** What Spack extracts and parses, without the line end before the signature. */
      readonly text: string;
      /** That of the primary key: 40 upper-case hex digits. */
      readonly fingerprint: string;
      readonly signedAtMs: number;
    }
  | {
      readonly ok: false;
      readonly code: SignatureCode;
      /** A sentence without capital and full stop, safe to print. */
      readonly message: string;
      /** That of the primary key that the signature names, if known. Not proven. */
      readonly fingerprint?: string;
      /** The text, which must not be trusted, if the document could be split. */
      readonly text?: string;
    };

/** A key or subkey that may have made a signature, and the key it belongs to. */
export interface KnownSigner {
  readonly key: AssessedKey;
  readonly component: SigningComponent;
}

export interface SignerIndex {
  /** By key ID, 16 upper-case hex digits. */
  readonly signers: ReadonlyMap<string, readonly KnownSigner[]>;
  /** Primary fingerprints of keys that are known but not pinned, by key ID. */
  readonly notPinned: ReadonlyMap<string, string>;
}

const strongHashes: ReadonlySet<string> = new Set(['SHA256', 'SHA384', 'SHA512', 'SHA224']);

export function readSignaturePacket(pgp: typeof OpenPgp, body: Uint8Array): OpenPgp.SignaturePacket | Fault {
  const [version] = body;
  if (version !== 4 && body.length > 0) {
    return {
      code: 'signature-unsupported',
      message: `its signature has version ${version}, but only version 4 is supported`,
    };
  }
  const signature = new pgp.SignaturePacket();
  try {
    signature.read(body);
  } catch (error) {
    return error instanceof Error && error.name === 'UnsupportedError'
      ? {
          code: 'signature-unsupported',
          message: `its signature uses algorithm ${body[2] ?? 0}, which is not supported`,
        }
      : malformedPacket;
  }
  return signature.created === null ? malformedPacket : signature;
}

const malformedPacket: Fault = {
  code: 'signature-malformed',
  message: 'its signature packet is malformed',
};

/** Verifies a clear-signed document against the keys in `index` at `nowMs`. Never throws. */
export async function verifyDocument(
  pgp: typeof OpenPgp,
  index: SignerIndex,
  document: string | Uint8Array,
  nowMs: number,
): Promise<SignatureVerdict> {
  const parsed = parseClearSigned(document);
  if (!parsed.ok) return parsed;
  const { text } = parsed;
  const judgement = await judgeSignature(
    pgp,
    index,
    {
      packet: parsed.signaturePacket,
      over: 'text',
      shapeFault: (signature) => headerFault(signature, parsed.hashHeader),
      isBy: ({ packet }) => checkSignature(pgp, parsed.signaturePacket, packet, canonical(text)),
    },
    nowMs,
  );
  return { ...judgement, text };
}

/** A signature in memory, and how to check it against what it covers. */
export interface SignatureToJudge {
  readonly packet: Uint8Array;
  readonly over: 'text' | 'bytes';
  /** Another problem with its form. */
  shapeFault?(signature: OpenPgp.SignaturePacket): Fault | undefined;
  /** Whether the key made it over that data. Ignores its dates. */
  isBy(component: SigningComponent): SignatureCheck | Promise<SignatureCheck>;
}

/** The verdict on a signature, whatever it covers. */
export type SignatureJudgement =
  | { readonly ok: true; readonly fingerprint: string; readonly signedAtMs: number }
  | {
      readonly ok: false;
      readonly code: SignatureCode;
      readonly message: string;
      readonly fingerprint?: string;
    };

/** Judges one signature by the keys in `index` at `nowMs`. Never throws. */
export async function judgeSignature(
  pgp: typeof OpenPgp,
  index: SignerIndex,
  question: SignatureToJudge,
  nowMs: number,
): Promise<SignatureJudgement> {
  const refuse = (code: SignatureCode, message: string, fingerprint?: string): SignatureJudgement => ({
    ok: false,
    code,
    message,
    ...(fingerprint === undefined ? {} : { fingerprint }),
  });
  const signature = readSignaturePacket(pgp, question.packet);
  if ('message' in signature) return refuse(signature.code, signature.message);
  const shape = shapeFault(pgp, signature, question.over) ?? question.shapeFault?.(signature);
  if (shape !== undefined) return refuse(shape.code, shape.message);

  const keyId = signature.issuerKeyID.toHex().toUpperCase();
  const signers = index.signers.get(keyId) ?? [];
  const signer = signers.find(({ component }) => isIssuer(signature, component));
  if (signer === undefined) {
    const known = index.notPinned.get(keyId);
    return known === undefined
      ? refuse('signature-unknown-key', `it is signed by the unknown key ${keyId}`)
      : refuse('signature-not-pinned', `it is signed by the key ${known}, which is not trusted`, known);
  }
  const { key, component } = signer;
  const check = await question.isBy(component);
  if (check === 'bad') {
    const message = `its signature by the key ${key.fingerprint} does not match its ${question.over}`;
    return refuse('signature-bad', message, key.fingerprint);
  }
  if (check !== 'good') {
    const { code, message } = uncheckableFault(signer, check.uncheckable);
    return refuse(code, message, key.fingerprint);
  }
  const fault =
    keyFault(key, nowMs) ?? componentFault(component, nowMs) ?? timeFault(signature, key, component, nowMs);
  if (fault !== undefined) return refuse(fault.code, fault.message, key.fingerprint);
  return { ok: true, fingerprint: key.fingerprint, signedAtMs: createdMs(signature) };
}

export interface Fault {
  readonly code: SignatureCode;
  readonly message: string;
}

function shapeFault(
  pgp: typeof OpenPgp,
  signature: OpenPgp.SignaturePacket,
  over: SignatureToJudge['over'],
): Fault | undefined {
  const { text, binary } = pgp.enums.signature;
  if (signature.signatureType !== (over === 'text' ? text : binary)) {
    const wanted = over === 'text' ? 'a text' : 'binary data';
    return { code: 'signature-malformed', message: `its signature is not over ${wanted}` };
  }
  const word = hashWord(signature.hashAlgorithm);
  if (word === undefined) {
    return { code: 'signature-unsupported', message: 'its signature uses a hash that gpg 2.2 does not have' };
  }
  if (!strongHashes.has(word)) {
    return { code: 'signature-weak', message: `its signature uses the broken hash ${word}` };
  }
  const critical =
    signature.unknownSubpackets.some((subpacket) => subpacket.critical) ||
    signature.rawNotations.some((notation) => notation.critical);
  if (critical) {
    return {
      code: 'signature-unsupported',
      message: 'its signature has a critical part that is not supported',
    };
  }
  return undefined;
}

function headerFault(signature: OpenPgp.SignaturePacket, hashHeader: string): Fault | undefined {
  const word = hashWord(signature.hashAlgorithm);
  if (word === hashHeader.toUpperCase()) return undefined;
  return { code: 'signature-malformed', message: `its Hash header does not say ${word}, which was used` };
}

/** The key ID matches already; a fingerprint in the signature must match too. */
function isIssuer(signature: OpenPgp.SignaturePacket, component: SigningComponent): boolean {
  const { issuerFingerprint } = signature;
  return (
    issuerFingerprint === null ||
    Buffer.from(issuerFingerprint).toString('hex').toUpperCase() === component.fingerprint
  );
}

/** If the key's algorithm is unsupported, saying so is more useful. */
function uncheckableFault({ key, component }: KnownSigner, reason: string): Fault {
  if (component.fault?.code === 'signature-unsupported') return component.fault;
  return {
    code: 'signature-unsupported',
    message: `its signature by the key ${key.fingerprint} cannot be checked: ${reason}`,
  };
}

/** A text in its hashed form. */
function canonical(text: string): Uint8Array {
  return Buffer.from(text.replaceAll('\n', '\r\n'));
}

function timeFault(
  signature: OpenPgp.SignaturePacket,
  key: AssessedKey,
  component: SigningComponent,
  nowMs: number,
): Fault | undefined {
  const signedAtMs = createdMs(signature);
  if (isInFuture(signedAtMs, nowMs)) {
    return {
      code: 'signature-from-future',
      message: `its signature is dated in the future, on ${dateText(signedAtMs)}`,
    };
  }
  const expiresAtMs = signatureExpiryMs(signature);
  if (expiresAtMs <= nowMs) {
    return { code: 'signature-expired', message: `its signature expired on ${dateText(expiresAtMs)}` };
  }
  if (signedAtMs < Math.max(key.createdAtMs, component.createdAtMs)) {
    return {
      code: 'signature-before-key',
      message: `its signature is dated ${dateText(signedAtMs)}, before the key ${component.fingerprint} was created`,
    };
  }
  return undefined;
}
