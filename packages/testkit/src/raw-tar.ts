const blockBytes = 512;

/** One header of a tar with its content. Nothing is checked, so that hostile ones can be made. */
export interface TarMember {
  /** Up to 100 bytes, one for each character. */
  readonly name: string;
  /** The type flag; a file by default. */
  readonly type?: string;
  readonly body?: string | Uint8Array;
  readonly target?: string;
  readonly mode?: number;
  /** The bytes of the size field, instead of the size of `body`. */
  readonly sizeField?: string;
  /** What the field for the user's ID holds. */
  readonly userField?: string;
  /** The name prefix in the last field. */
  readonly prefix?: string;
  /** The eight bytes that name the format; POSIX by default. */
  readonly format?: string;
  /** Makes the checksum of the header wrong. */
  readonly isDamaged?: boolean;
}

export const gnuFormat = 'ustar  \0';

/** A tar of these members, ended like Python's. */
export function rawTar(members: readonly TarMember[]): Buffer {
  return Buffer.concat([...members.map(rawMember), Buffer.alloc(2 * blockBytes)]);
}

/** One member without the end of an archive. */
export function rawMember(member: TarMember): Buffer {
  const body = Buffer.from(member.body ?? '');
  const padding = Buffer.alloc((blockBytes - (body.length % blockBytes)) % blockBytes);
  return Buffer.concat([header(member, body.length), body, padding]);
}

function header(member: TarMember, sizeBytes: number): Buffer {
  const { name, type = '0', target = '', mode, prefix = '', format = 'ustar\u000000' } = member;
  const block = Buffer.alloc(blockBytes);
  block.write(name, 0, 100, 'latin1');
  const modeDigits = (mode ?? (type === '0' ? 0o644 : 0o755)).toString(8).padStart(7, '0');
  block.write(modeDigits, 100, 'latin1');
  block.write('0000000\u00000000000\0', 108, 'latin1');
  block.write(member.userField ?? '', 108, 8, 'latin1');
  block.write(member.sizeField ?? sizeBytes.toString(8).padStart(11, '0'), 124, 12, 'latin1');
  block.write('00000000000', 136, 'latin1');
  block.write(type, 156, 1, 'latin1');
  block.write(target, 157, 100, 'latin1');
  block.write(format, 257, 'latin1');
  block.write(prefix, 345, 155, 'latin1');
  block.fill(' ', 148, 156);
  let sum = member.isDamaged ? 1 : 0;
  for (const byte of block) sum += byte;
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** A pax header with these records for the next member. */
export function paxHeader(records: Readonly<Record<string, string>>, type = 'x'): TarMember {
  const lines = Object.entries(records).map(([key, value]) => {
    const rest = Buffer.byteLength(` ${key}=${value}\n`, 'latin1');
    let length = rest + 1;
    while (`${length}`.length + rest !== length) length += 1;
    return `${length} ${key}=${value}\n`;
  });
  return { name: '././@PaxHeader', type, body: Buffer.from(lines.join(''), 'latin1') };
}

/** A GNU header with the name, or the target, of the member after it. */
export function gnuLong(what: 'name' | 'target', text: string): TarMember {
  const type = what === 'name' ? 'L' : 'K';
  return { name: '././@LongLink', type, body: Buffer.from(`${text}\0`, 'latin1'), format: gnuFormat };
}

/** Every name in full, even if it is longer than the field, as Python's tarfile writes them. */
export function withPaxNames(members: readonly TarMember[]): TarMember[] {
  return members.flatMap((member) => {
    const records: Record<string, string> = {};
    if (member.name.length > 100) records['path'] = member.name;
    if ((member.target ?? '').length > 100) records['linkpath'] = member.target ?? '';
    return Object.keys(records).length === 0 ? [member] : [paxHeader(records), member];
  });
}
