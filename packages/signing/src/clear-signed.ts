import { UserError } from '@slipway/core';
import { decodeArmorLines, encodeArmor } from './armor.ts';
import { readPacketFrame, signatureTag } from './packet.ts';

const maxDocumentBytes = 2 ** 20;
const maxSignatureBytes = 8192;
/**
 * gpg cuts lines longer than this (19,995 bytes) while verifying, so it would approve text that differs from what a reader
 * sees.
 */
const maxLineBytes = 19_000;

const messageLine = '-----BEGIN PGP SIGNED MESSAGE-----';
const signatureLine = '-----BEGIN PGP SIGNATURE-----';
const endLine = '-----END PGP SIGNATURE-----';

export type FramingCode = 'unsigned' | 'document-too-large' | 'signature-malformed' | 'signature-multiple';

/** The parts of a clear-signed document. The signature is not verified. */
export interface ClearSigned {
  /** The signed lines joined by `\n`, without the unsigned line end before the signature. */
  readonly text: string;
  /** The body of the one signature packet. */
  readonly signaturePacket: Uint8Array;
  /** The armored signature with its armor lines, as in the document. */
  readonly signatureArmor: string;
  /** The value of the only `Hash:` header, such as `SHA512`. */
  readonly hashHeader: string;
}

export interface FramingProblem {
  readonly code: FramingCode;
  readonly message: string;
}

export type ClearSignedResult =
  | ({ readonly ok: true } & ClearSigned)
  | ({ readonly ok: false } & FramingProblem);

function malformed(message: string): ClearSignedResult {
  return { ok: false, code: 'signature-malformed', message };
}

/**
 * Splits a clear-signed document (RFC 9580 section 7) of at most 1 MiB. Accepts only what gpg and Spack write, which is
 * stricter than what they read, so that gpg verifies the same bytes that Spack parses: the message line, one `Hash:` line,
 * an empty line, the text with LF line ends, no trailing blanks and no line that starts with a dash, and one armored
 * signature packet. Never throws.
 */
export function parseClearSigned(document: string | Uint8Array): ClearSignedResult {
  const source = decodeDocument(document);
  if (typeof source !== 'string') return { ok: false, ...source };
  if (!source.startsWith(`${messageLine}\n`)) {
    if (!source.includes('BEGIN PGP SIGNED MESSAGE')) {
      return { ok: false, code: 'unsigned', message: 'the document is not signed' };
    }
    return malformed(
      source.startsWith(`${messageLine}\r`)
        ? 'its line ends are CRLF instead of LF'
        : 'there is something before the line that begins the signed message',
    );
  }
  const header = /^\nHash: ([A-Za-z0-9-]{1,16})\n\n/.exec(
    source.slice(messageLine.length, messageLine.length + 40),
  );
  if (header === null) return malformed('its header is not exactly one "Hash:" line of one algorithm');
  const textStart = messageLine.length + header[0].length;
  const signatureStart = source.indexOf(`\n${signatureLine}\n`, textStart);
  if (signatureStart === -1) return malformed('it has no signature after the text');
  const text = source.slice(textStart, signatureStart);
  const textProblem = textFault(text);
  if (textProblem !== undefined) return malformed(textProblem);
  const signatureArmor = source.slice(signatureStart + 1);
  const signature = parseSignatureArmor(signatureArmor);
  if (!(signature instanceof Uint8Array)) return { ok: false, ...signature };
  return { ok: true, text, signaturePacket: signature, signatureArmor, hashHeader: header[1] ?? '' };
}

function decodeDocument(document: string | Uint8Array): string | FramingProblem {
  const sizeBytes = typeof document === 'string' ? Buffer.byteLength(document) : document.length;
  if (sizeBytes > maxDocumentBytes) {
    return { code: 'document-too-large', message: 'a signed document is larger than 1 MiB' };
  }
  if (typeof document === 'string') {
    if (document.isWellFormed()) return document;
    return { code: 'signature-malformed', message: 'it is not well-formed Unicode' };
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(document);
  } catch {
    return { code: 'signature-malformed', message: 'it is not valid UTF-8' };
  }
}

/** Why gpg and Spack would read `text` differently in a clear-signed document, if so. */
export function textFault(text: string): string | undefined {
  if (text === '') return 'its text is empty';
  if (/^\s/u.test(text)) return 'its text starts with white space';
  if (/[ \t\r](?:\n|$)/.test(text)) return 'a line of its text ends in blanks or CR';
  if (/(?:^|\n)-/.test(text)) return 'a line of its text starts with a dash';
  if (/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/.test(text)) return 'its text has a control character';
  if (text.includes('-----BEGIN PGP ') || text.includes('-----END PGP ')) {
    return 'its text contains an armor line';
  }
  if (text.length > maxLineBytes / 3) {
    for (const line of text.split('\n')) {
      if (Buffer.byteLength(line) > maxLineBytes) {
        return `a line of its text is longer than ${maxLineBytes.toLocaleString('en-US')} bytes, where gpg cuts it`;
      }
    }
  }
  return undefined;
}

/** The body of the only signature packet in an armored signature that fills `armor`. */
function parseSignatureArmor(armor: string): Uint8Array | FramingProblem {
  const fault = (message: string): FramingProblem => ({ code: 'signature-malformed', message });
  const body = armor.endsWith('\n') ? armor.slice(0, -1) : armor;
  const lines = body.split('\n');
  if (lines.length > maxSignatureBytes / 32) return fault('its signature is too large');
  const end = lines.indexOf(endLine);
  if (end === -1) return fault('its signature has no end line');
  if (end !== lines.length - 1) {
    return lines.includes(signatureLine, end) || lines.includes(messageLine, end)
      ? { code: 'signature-multiple', message: 'it has more than one signature' }
      : fault('there is text after its signature');
  }
  // gpg before 2.1 wrote a Version line, which readers ignore.
  const start = /^Version: GnuPG v[0-9.]{1,16}(?: \([A-Za-z0-9/ ]{1,30}\))?$/.test(lines[1] ?? '') ? 2 : 1;
  if (lines[start] !== '') return fault('its signature has armor headers, or no empty line after the first');
  const bytes = decodeArmorLines(lines.slice(start + 1, end), 'required');
  if (typeof bytes === 'string') return fault(`its signature cannot be decoded: ${bytes}`);
  return onlySignaturePacket(bytes);
}

/** The body of the only signature packet in `bytes`. */
export function onlySignaturePacket(bytes: Uint8Array): Uint8Array | FramingProblem {
  const first = readPacketFrame(bytes, 0);
  if (first?.tag !== signatureTag) {
    return { code: 'signature-malformed', message: 'its signature block holds no signature' };
  }
  if (first.end === bytes.length) return first.body;
  const second = readPacketFrame(bytes, first.end);
  return second?.tag === signatureTag
    ? { code: 'signature-multiple', message: 'it has more than one signature' }
    : { code: 'signature-malformed', message: 'its signature block holds more than one signature packet' };
}

/** Why a text cannot be clear-signed safely; undefined if it can. */
export function signableFault(text: string): string | undefined {
  const lines = withoutLineEnd(text);
  if (Buffer.byteLength(lines) > maxDocumentBytes - 2 * maxSignatureBytes) return 'it is too large';
  return lines.isWellFormed() ? textFault(lines) : 'its text is not well-formed Unicode';
}

/**
 * `text` without one final line end, which clear-signing does not sign. Throws `UserError` for a text that would be
 * misread.
 */
export function signableText(text: string): string {
  const fault = signableFault(text);
  if (fault === undefined) return withoutLineEnd(text);
  throw new UserError('content-invalid', `a text cannot be clear-signed: ${fault}`, { hint: signableHint });
}

export const signableHint = 'Sign JSON as Spack writes it: one token per line, no trailing blanks.';

function withoutLineEnd(text: string): string {
  return text.endsWith('\n') ? text.slice(0, -1) : text;
}

/** The document that Spack and gpg read, in exactly the form that `parseClearSigned` accepts. */
export function formatClearSigned(text: string, hashHeader: string, signature: Uint8Array): string {
  return `${messageLine}\nHash: ${hashHeader}\n\n${text}\n${encodeArmor('SIGNATURE', signature)}`;
}
