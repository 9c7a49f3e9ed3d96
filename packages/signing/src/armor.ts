const lineCharacters = 64;
const maxBase64LineCharacters = 76;

/** A block between armor lines (RFC 9580 section 6.2). */
export interface ArmorBlock {
  /** `PUBLIC KEY BLOCK`, `PRIVATE KEY BLOCK`, `SIGNATURE`, … */
  readonly label: string;
  readonly lines: readonly string[];
  /** Line number of the first armor line in the text, from 1. */
  readonly line: number;
}

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 16;
  for (let bit = 0; bit < 8; bit += 1) crc = (crc & 0x800000) === 0 ? crc << 1 : (crc << 1) ^ 0x864cfb;
  return crc & 0xffffff;
});

/** CRC-24 of RFC 9580 section 6.1. gpg refuses armor whose checksum is wrong. */
function crc24(bytes: Uint8Array): number {
  let crc = 0xb704ce;
  for (const byte of bytes) crc = ((crc << 8) & 0xffffff) ^ (crcTable[(crc >> 16) ^ byte] ?? 0);
  return crc;
}

function checksumLine(bytes: Uint8Array): string {
  const crc = crc24(bytes);
  return `=${Buffer.from([crc >> 16, (crc >> 8) & 0xff, crc & 0xff]).toString('base64')}`;
}

/** `bytes` as an armored block as gpg 2 writes it: no header lines, a checksum and a final newline. */
export function encodeArmor(label: string, bytes: Uint8Array): string {
  const base64 = Buffer.from(bytes).toString('base64');
  const lines = [`-----BEGIN PGP ${label}-----`, ''];
  for (let start = 0; start < base64.length; start += lineCharacters) {
    lines.push(base64.slice(start, start + lineCharacters));
  }
  lines.push(checksumLine(bytes), `-----END PGP ${label}-----`, '');
  return lines.join('\n');
}

/**
 * The bytes of base64 lines that may end in a checksum line, or a message saying what is wrong. `checksum` says whether the
 * checksum is required.
 */
export function decodeArmorLines(
  lines: readonly string[],
  checksum: 'required' | 'optional',
): Uint8Array | string {
  let end = lines.length;
  const last = lines[end - 1] ?? '';
  const hasChecksum = /^=[A-Za-z0-9+/]{4}$/.test(last);
  if (hasChecksum) end -= 1;
  else if (checksum === 'required') return 'it has no checksum line';
  if (end === 0) return 'it is empty';
  for (let index = 0; index < end; index += 1) {
    const line = lines[index] ?? '';
    const pattern = index === end - 1 ? /^[A-Za-z0-9+/]+={0,2}$/ : /^[A-Za-z0-9+/]+$/;
    if (line.length > maxBase64LineCharacters || !pattern.test(line))
      return 'it has a line that is not base64';
  }
  const base64 = lines.slice(0, end).join('');
  const bytes = Buffer.from(base64, 'base64');
  // Comparing with the encoding rejects wrong padding and stray bits that decoders ignore.
  if (bytes.toString('base64') !== base64) return 'its base64 is not canonical';
  if (hasChecksum && checksumLine(bytes) !== last) return 'its checksum is wrong';
  return bytes;
}

const armorLine = /^-----(BEGIN|END) PGP ([A-Z ]{1,40})-----$/;

/**
 * Finds the armored blocks in a text. `rest` holds the numbered lines outside them; `problems` are unfinished blocks. Takes
 * linear time.
 */
export function splitArmor(text: string): {
  readonly blocks: readonly ArmorBlock[];
  readonly rest: readonly { readonly line: number; readonly text: string }[];
  readonly problems: readonly { readonly line: number; readonly text: string }[];
} {
  const blocks: ArmorBlock[] = [];
  const rest: { line: number; text: string }[] = [];
  const problems: { line: number; text: string }[] = [];
  let open: { label: string; line: number; lines: string[] } | undefined;
  const lines = text.split('\n');
  for (const [index, rawLine] of lines.entries()) {
    const line = index + 1;
    const trimmed = rawLine.trim();
    const [, edge, label = ''] = armorLine.exec(trimmed) ?? [];
    if (edge === 'BEGIN') {
      if (open !== undefined) problems.push({ line: open.line, text: `the PGP ${open.label} has no end` });
      open = { label, line, lines: [] };
    } else if (edge === 'END') {
      if (open?.label === label) blocks.push(open);
      else problems.push({ line, text: `a PGP ${label} ends here without a beginning` });
      open = undefined;
    } else if (open !== undefined) {
      open.lines.push(trimmed);
    } else {
      rest.push({ line, text: trimmed });
    }
  }
  if (open !== undefined) problems.push({ line: open.line, text: `the PGP ${open.label} has no end` });
  return { blocks, rest, problems };
}

/** The bytes of a block of key material. Skips armor headers (`Version:`, `Comment:`, …). */
export function decodeArmorBlock(block: ArmorBlock): Uint8Array | string {
  let start = 0;
  while (/^[A-Za-z][A-Za-z0-9-]*: /.test(block.lines[start] ?? '')) start += 1;
  const lines = block.lines.slice(start).filter((line) => line !== '');
  return decodeArmorLines(lines, 'optional');
}
