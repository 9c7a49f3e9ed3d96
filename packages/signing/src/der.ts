/** Writes DER (ITU-T X.690). It knows everything it wrote, so that all of it can be wiped. */
export class DerWriter {
  readonly #written: Buffer[] = [];

  wipe(): void {
    for (const bytes of this.#written) bytes.fill(0);
  }

  concat(parts: readonly Uint8Array[]): Buffer {
    const bytes = Buffer.concat(parts);
    this.#written.push(bytes);
    return bytes;
  }

  fromNumber(value: bigint): Buffer {
    const hex = value.toString(16);
    const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
    this.#written.push(bytes);
    return bytes;
  }

  /** A number that is not negative. */
  integer(value: Uint8Array): Buffer {
    const sign = (value[0] ?? 0) >= 0x80 ? [Buffer.alloc(1)] : [];
    return this.element(0x02, [...sign, value]);
  }

  sequence(parts: readonly Uint8Array[]): Buffer {
    return this.element(0x30, parts);
  }

  objectIdentifier(content: readonly number[]): Buffer {
    return this.element(0x06, [Buffer.from(content)]);
  }

  bitString(content: Uint8Array): Buffer {
    return this.element(0x03, [Buffer.alloc(1), content]);
  }

  element(tag: number, parts: readonly Uint8Array[]): Buffer {
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    const head =
      length < 0x80
        ? [tag, length]
        : length < 0x100
          ? [tag, 0x81, length]
          : [tag, 0x82, length >> 8, length & 0xff];
    return this.concat([Buffer.from(head), ...parts]);
  }
}
