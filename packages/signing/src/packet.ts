/** The tag of signature packets (RFC 9580 section 5). */
export const signatureTag = 2;

/** The framing of one packet (RFC 9580 section 4.2). */
export interface PacketFrame {
  readonly tag: number;
  readonly body: Uint8Array;
  readonly end: number;
}

/**
 * Reads the framing of the packet at `offset`. Undefined if it is malformed: the high bit is missing, the length exceeds
 * the data, or it is partial or indeterminate, which keys and signatures never are.
 */
export function readPacketFrame(bytes: Uint8Array, offset: number): PacketFrame | undefined {
  const header = bytes[offset];
  if (header === undefined || (header & 0x80) === 0) return undefined;
  const newFormat = (header & 0x40) !== 0;
  const length = newFormat ? newLength(bytes, offset + 1) : oldLength(bytes, offset + 1, header & 0x03);
  if (length === undefined) return undefined;
  const start = offset + 1 + length.octets;
  const end = start + length.value;
  if (end > bytes.length) return undefined;
  return {
    tag: newFormat ? header & 0x3f : (header & 0x3c) >> 2,
    body: bytes.subarray(start, end),
    end,
  };
}

/** A packet with this body, in the newer format with the shortest length, as OpenPGP.js writes it. */
export function writePacket(tag: number, body: Uint8Array): Uint8Array {
  const { length } = body;
  const head = Buffer.alloc(length < 192 ? 2 : length < 8384 ? 3 : 6);
  head[0] = 0xc0 | tag;
  if (length < 192) head[1] = length;
  else if (length < 8384) head.writeUInt16BE(length - 192 + 0xc000, 1);
  else head.writeUInt32BE(length, head.writeUInt8(0xff, 1));
  return Buffer.concat([head, body]);
}

interface Length {
  readonly octets: number;
  readonly value: number;
}

function newLength(bytes: Uint8Array, offset: number): Length | undefined {
  const first = bytes[offset];
  if (first === undefined) return undefined;
  if (first < 192) return { octets: 1, value: first };
  if (first < 224) {
    const second = bytes[offset + 1];
    return second === undefined ? undefined : { octets: 2, value: ((first - 192) << 8) + second + 192 };
  }
  if (first < 255) return undefined;
  const length = bigEndian(bytes, offset + 1, 4);
  return length === undefined ? undefined : { octets: 5, value: length };
}

function oldLength(bytes: Uint8Array, offset: number, type: number): Length | undefined {
  if (type === 3) return undefined;
  const octets = 2 ** type;
  const value = bigEndian(bytes, offset, octets);
  return value === undefined ? undefined : { octets, value };
}

function bigEndian(bytes: Uint8Array, offset: number, octets: number): number | undefined {
  if (offset + octets > bytes.length) return undefined;
  let value = 0;
  for (let index = 0; index < octets; index += 1) value = value * 256 + (bytes[offset + index] ?? 0);
  return value;
}
