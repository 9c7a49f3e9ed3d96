/** Where the number that starts at a byte ends (RFC 8259), or what is wrong with it. */
export function numberEnd(bytes: Uint8Array, start: number): number | string {
  let position = start;
  if (bytes[position] === 0x2d) position += 1;
  const integerStart = position;
  while (isDigit(bytes[position])) position += 1;
  if (position === integerStart) return 'expected a value';
  if (bytes[integerStart] === 0x30 && position > integerStart + 1) return 'a number with a leading zero';
  if (bytes[position] === 0x2e) {
    const fractionStart = position + 1;
    position = fractionStart;
    while (isDigit(bytes[position])) position += 1;
    if (position === fractionStart) return 'a number without digits after its point';
  }
  if (bytes[position] === 0x65 || bytes[position] === 0x45) {
    position += 1;
    if (bytes[position] === 0x2b || bytes[position] === 0x2d) position += 1;
    const exponentStart = position;
    while (isDigit(bytes[position])) position += 1;
    if (position === exponentStart) return 'a number without digits in its exponent';
  }
  return position;
}

export function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}
