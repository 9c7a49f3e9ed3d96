const quote = 0x22;
const backslash = 0x5c;

interface Container {
  readonly close: '}' | ']';
  key: string | undefined;
  wantsKey: boolean;
  index: number;
}

/** The context of a byte in a JSON text. */
export interface JsonSurroundings {
  /** Keys and indices that lead to the byte, such as `files[2].name`; empty at the top. */
  readonly path: string;
  /** Whether a key is next. */
  readonly wantsKey: boolean;
  /** The closing bracket of the innermost object or array; undefined at the top. */
  readonly close: '}' | ']' | undefined;
  /** The last byte before it that is not white space; -1 if there is none. */
  readonly previous: number;
  /** The end of the last string, if it is a value and nothing follows it. */
  readonly textEnd: number | undefined;
}

/** The context of byte `end`; the text before it must be valid. Time is linear in `end`. */
export function surroundingsOf(bytes: Uint8Array, end: number): JsonSurroundings {
  const open: Container[] = [];
  let previous = -1;
  let textEnd: number | undefined;
  for (let position = 0; position < end; ) {
    const byte = bytes[position] ?? -1;
    const start = position;
    position = byte === quote ? afterString(bytes, position) : position + 1;
    if (byte <= 0x20) continue;
    textEnd = undefined;
    const top = open.at(-1);
    if (byte === quote) {
      if (top?.wantsKey === true) {
        top.key = keyOf(bytes.subarray(start, position));
        top.wantsKey = false;
      } else textEnd = position;
    } else step(open, top, byte);
    previous = byte;
  }
  const top = open.at(-1);
  return { path: pathOf(open), wantsKey: top?.wantsKey ?? false, close: top?.close, previous, textEnd };
}

function step(open: Container[], top: Container | undefined, byte: number): void {
  switch (String.fromCharCode(byte)) {
    case '{':
      open.push({ close: '}', key: undefined, wantsKey: true, index: 0 });
      break;
    case '[':
      open.push({ close: ']', key: undefined, wantsKey: false, index: 0 });
      break;
    case '}':
    case ']':
      open.pop();
      break;
    case ',':
      if (top === undefined) break;
      top.index += 1;
      top.key = undefined;
      top.wantsKey = top.close === '}';
      break;
  }
}

function afterString(bytes: Uint8Array, start: number): number {
  let position = start + 1;
  while (position < bytes.length && bytes[position] !== quote) {
    position += bytes[position] === backslash ? 2 : 1;
  }
  return position + 1;
}

function keyOf(bytes: Uint8Array): string {
  const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
  return String(value);
}

function pathOf(open: readonly Container[]): string {
  return open.reduce((path, { close, key, index }) => {
    if (close === ']') return `${path}[${index}]`;
    if (key === undefined) return path;
    return path === '' ? key : `${path}.${key}`;
  }, '');
}
