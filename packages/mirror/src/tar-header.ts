import type { FindingCode } from './findings.ts';

export const blockBytes = 512;
const maxModeBits = 0o7777;
const posixFormat = Buffer.from('ustar\u000000');
const gnuFormat = Buffer.from('ustar  \0');

/** A name in a tar is bytes. Here each byte is one character (U+0000 to U+00FF), so nothing is lost. */
export type ByteName = string;

export type TarEntryKind = 'file' | 'directory' | 'symlink' | 'hardlink' | 'device';

/** One entry of a tar, with its long name applied. */
export interface TarEntry {
  readonly kind: TarEntryKind;
  /** As stored in the tar, without a directory's trailing slash. */
  readonly name: ByteName;
  readonly target: ByteName;
  /** Permission bits, including set-user-ID and set-group-ID. */
  readonly mode: number;
  readonly sizeBytes: number;
}

/** Headers that extend the entry after them. */
export type ExtensionKind = 'pax' | 'long-name' | 'long-target';

export type TarHeader =
  | { readonly kind: 'entry'; readonly entry: TarEntry }
  | { readonly kind: 'extension'; readonly extension: ExtensionKind; readonly sizeBytes: number };

/** What extension headers say about the next entry. */
export interface Extensions {
  name?: ByteName;
  target?: ByteName;
  sizeBytes?: number;
  /** A pax header came just before, so its entry must follow. */
  pax?: true;
}

/** Why a tarball is refused. Its message is safe to print. */
export class TarballFault extends Error {
  readonly code: FindingCode;

  constructor(code: FindingCode, message: string) {
    super(message);
    this.code = code;
  }
}

export function unsupported(why: string): TarballFault {
  return new TarballFault('tarball-header-unsupported', `it has ${why}, which Spack does not write`);
}

/**
 * Reads a header block as Python's tarfile does, which Spack uses, and accepts only the forms that Python writes (POSIX
 * pax and GNU), since readers disagree about others. Throws `TarballFault`.
 */
export function parseHeader(block: Buffer, extensions: Extensions): TarHeader {
  if (!isChecksumRight(block))
    throw new TarballFault('tarball-unreadable', 'it cannot be unpacked: a tar header is damaged');
  requireNumbers(block);
  const isPosix = hasFormat(block, posixFormat);
  if (!isPosix && !hasFormat(block, gnuFormat)) throw unsupported('a header of an unknown format');
  const type = String.fromCharCode(block[156] ?? 0);
  const extension = extensionKinds[type];
  if (extension !== undefined) {
    if (extensions.pax) throw unsupported('a header for a header');
    return { kind: 'extension', extension, sizeBytes: numberAt(block, 124, 12, 'size') };
  }
  const sizeInHeader = numberAt(block, 124, 12, 'size');
  const sizeBytes = extensions.sizeBytes ?? sizeInHeader;
  const kind = entryKinds[type];
  if (kind === undefined) throw unsupported(`an entry of type ${JSON.stringify(type)}`);
  if (kind !== 'file' && sizeBytes !== 0) throw unsupported(`a ${kind} with content`);
  const name = extensions.name ?? nameOf(block, isPosix);
  const mode = numberAt(block, 100, 8, 'mode');
  return {
    kind: 'entry',
    entry: {
      kind: isSpecial(mode) ? 'device' : kind,
      name: kind === 'directory' && name.endsWith('/') ? name.slice(0, -1) : name,
      target: extensions.target ?? textAt(block, 157, 100),
      mode: mode & maxModeBits,
      sizeBytes,
    },
  };
}

const extensionKinds: Readonly<Record<string, ExtensionKind>> = {
  x: 'pax',
  L: 'long-name',
  K: 'long-target',
};

const entryKinds: Readonly<Record<string, TarEntryKind>> = {
  '0': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'device',
  '4': 'device',
  '5': 'directory',
  '6': 'device',
};

/** Whether a mode (POSIX `st_mode`) is that of a device, a FIFO or a socket. */
function isSpecial(mode: number): boolean {
  const type = mode & 0o170000;
  return type === 0o010000 || type === 0o020000 || type === 0o060000 || type === 0o140000;
}

function hasFormat(block: Buffer, format: Buffer): boolean {
  for (let index = 0; index < format.length; index += 1) {
    if (block[257 + index] !== format[index]) return false;
  }
  return true;
}

/** Python applies the prefix in any format, but only ustar has one; GNU stores other fields there. */
function nameOf(block: Buffer, isPosix: boolean): ByteName {
  const name = textAt(block, 0, 100);
  if (block[345] === 0) return name;
  if (!isPosix) throw unsupported('a GNU header with a name prefix');
  return `${textAt(block, 345, 155)}/${name}`;
}

/** Up to the first NUL, as Python reads it. */
function textAt(block: Buffer, start: number, length: number): ByteName {
  let end = start;
  while (end < start + length && block[end] !== 0) end += 1;
  return end === start ? '' : block.toString('latin1', start, end);
}

/**
 * Python reads these too, and stops at a header where one is not a number. Slipway would then see more entries than
 * Spack unpacks, possibly including the spec.
 */
function requireNumbers(block: Buffer): void {
  for (const [what, start, length] of idleNumbers) {
    if (block[start] !== 0x80 && block[start] !== 0xff) numberAt(block, start, length, what);
  }
}

/** Fields that do not affect where a file goes; negative numbers in base 256 are fine. */
const idleNumbers = [
  ['user ID', 108, 8],
  ['group ID', 116, 8],
  ['time', 136, 12],
  ['device number', 329, 8],
  ['device number', 337, 8],
] as const;

/** An octal number that ends at a NUL or space, or a positive number in base 256, as used for sizes from 8 GiB. */
function numberAt(block: Buffer, start: number, length: number, what: string): number {
  if (block[start] === 0x80) {
    if (block.subarray(start + 1, start + length - 6).some((byte) => byte !== 0))
      throw unsupported(`a ${what} of an impossible size`);
    return block.readUIntBE(start + length - 6, 6);
  }
  let value = 0;
  let index = start;
  const end = start + length;
  while (block[index] === 0x20) index += 1;
  for (; index < end; index += 1) {
    const digit = (block[index] ?? 0) - 0x30;
    if (digit < 0 || digit > 7) break;
    value = value * 8 + digit;
  }
  for (; index < end; index += 1) {
    if (block[index] !== 0 && block[index] !== 0x20) throw unsupported(`a ${what} that is not a number`);
  }
  return value;
}

function isChecksumRight(block: Buffer): boolean {
  let sum = 8 * 0x20;
  for (let index = 0; index < blockBytes; index += 1) sum += block[index] ?? 0;
  for (let index = 148; index < 156; index += 1) sum -= block[index] ?? 0;
  return sum === numberAt(block, 148, 8, 'checksum');
}

/** Reads an extension header. Each fact may be given only once. Throws `TarballFault`. */
export function readExtension(kind: ExtensionKind, body: Buffer, extensions: Extensions): void {
  switch (kind) {
    case 'long-name':
      setOnce(extensions, 'name', longText(body));
      return;
    case 'long-target':
      setOnce(extensions, 'target', longText(body));
      return;
    case 'pax':
      extensions.pax = true;
      for (const [key, value] of paxRecords(body.toString('latin1'))) readPaxRecord(key, value, extensions);
  }
}

function longText(body: Buffer): ByteName {
  const text = body.toString('latin1');
  const end = text.indexOf('\0');
  if (end >= 0 && /[^\0]/.test(text.slice(end))) throw unsupported('a long name with NUL in it');
  return end < 0 ? text : text.slice(0, end);
}

/** Records that do not affect where a file goes. */
const idlePaxKeys = new Set(['mtime', 'atime', 'ctime', 'uid', 'gid', 'uname', 'gname', 'comment']);

function readPaxRecord(key: string, value: string, extensions: Extensions): void {
  switch (key) {
    case 'path':
      setOnce(extensions, 'name', value);
      return;
    case 'linkpath':
      setOnce(extensions, 'target', value);
      return;
    case 'size':
      if (!/^[0-9]{1,15}$/.test(value)) throw unsupported('a size that is not a number');
      setOnce(extensions, 'sizeBytes', Number(value));
      return;
    case 'hdrcharset':
      // Python writes this if a name is not UTF-8. Names are bytes here anyway.
      if (value !== 'BINARY') throw unsupported('names in another character set');
      return;
    default:
      if (!idlePaxKeys.has(key)) throw unsupported(`the pax record ${JSON.stringify(key.slice(0, 40))}`);
  }
}

function setOnce<Key extends keyof Extensions>(
  extensions: Extensions,
  key: Key,
  value: Extensions[Key],
): void {
  if (extensions[key] !== undefined) throw unsupported('two names or sizes for one entry');
  extensions[key] = value;
}

/** The records of a pax header, each `LENGTH KEY=VALUE\n`; LENGTH counts the bytes of the whole record. */
function* paxRecords(text: string): Generator<readonly [key: string, value: string]> {
  for (let start = 0; start < text.length; ) {
    const space = text.indexOf(' ', start);
    const digits = text.slice(start, space);
    const end = start + (space - start <= 6 && /^[1-9][0-9]*$/.test(digits) ? Number(digits) : 0);
    const equals = text.indexOf('=', space);
    if (space < 0 || equals < 0 || equals >= end || end > text.length || text[end - 1] !== '\n')
      throw unsupported('a malformed pax header');
    yield [text.slice(space + 1, equals), text.slice(equals + 1, end - 1)];
    start = end;
  }
}
