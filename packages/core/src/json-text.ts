import { JsonError } from './json-error.ts';
import { parseStrictJson } from './json-scanner.ts';
import { type JsonSurroundings, surroundingsOf } from './json-walk.ts';
import { printable } from './printable.ts';

const maxPathCharacters = 100;

export interface JsonTextOptions {
  /** How deep objects and arrays may nest. */
  readonly maxDepth: number;
  /** What to do about a mistake that pasting text between the quotes of a JSON string makes. */
  readonly pasteAdvice?: string | undefined;
}

/** What is wrong, where, and whether pasted text can be the cause. */
interface Mistake {
  readonly words: string;
  readonly offset: number;
  readonly isPaste: boolean;
}

/**
 * The value of a JSON text written by a person or a workflow, as strict as `parseStrictJson`. Throws `JsonError` that
 * explains the mistake to its author, with key, line and column.
 */
export function parseJsonText(text: Uint8Array | string, options: JsonTextOptions): unknown {
  const bytes = typeof text === 'string' ? Buffer.from(text, 'utf8') : text;
  try {
    return parseStrictJson(bytes, options.maxDepth);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    const { words, offset, isPaste } = mistakeOf(bytes, error);
    throw new JsonError(error.fault, error.reason, offset, {
      message: `it is not JSON: ${words} (${placeOf(bytes, offset)})`,
      hint: isPaste ? options.pasteAdvice : undefined,
    });
  }
}

function mistakeOf(bytes: Uint8Array, { fault, reason, offset }: JsonError): Mistake {
  const around = surroundingsOf(bytes, offset);
  const at = (words: string, isPaste = false, place = offset): Mistake => ({ words, offset: place, isPaste });
  if (fault === 'json-duplicate-key') return at(`the key ${quotedPath(around)} appears twice in one object`);
  if (fault === 'json-too-deep') return at(`its objects and arrays are ${reason}`);
  const inString = /^(invalid UTF-8|a lone surrogate) in a string$/.exec(reason)?.[1];
  if (inString !== undefined)
    return at(`${around.textEnd === undefined ? 'a key' : textOf(around)} has ${inString}`);
  const encoding = offset === 0 ? encodingFault(bytes) : undefined;
  if (encoding !== undefined) return at(encoding);
  if (offset >= bytes.length) return at(endFault(around));
  const found = foundAt(bytes, offset);
  if (found !== undefined) return at(found);
  if (/^expected a (?:key|value)$/.test(reason)) return missingFault(around, bytes[offset], at);
  if (reason.startsWith('expected ')) return structureFault(around, bytes, offset, at);
  if (reason === 'text after the end of the document')
    return at('there is text after its end, such as an extra bracket');
  if (bytes[offset] === 0x22) return stringFault(around, bytes, offset, at);
  if (reason === 'an unknown word') {
    return at(
      `${valueAt(around)} is not valid in JSON: only true, false and null are written without quotes`,
      true,
    );
  }
  return at(`${valueAt(around)} is ${reason}: put anything but a number in quotes`, true);
}

type MakeMistake = (words: string, isPaste?: boolean, offset?: number) => Mistake;

/** A value, a comma or a bracket should come next, but something else does. */
function structureFault(
  around: JsonSurroundings,
  bytes: Uint8Array,
  offset: number,
  at: MakeMistake,
): Mistake {
  const next = bytes[offset];
  if (around.close === undefined) return at('it does not begin with "{" or "["');
  if (around.wantsKey) return missingFault(around, next, at);
  // In an object the key is known before its colon is read.
  if (around.textEnd === undefined && around.previous === 0x22) {
    return at(`after the key ${quotedPath(around)} the ":" is missing`);
  }
  if (next === 0x7d || next === 0x5d) {
    return at(`a "${around.close}" is missing before this "${String.fromCharCode(next)}"`);
  }
  const isOpening = next === 0x22 || next === 0x7b || next === 0x5b;
  if (around.textEnd !== undefined && (around.textEnd === offset || !isOpening)) {
    return at(
      `${valueAt(around)} ends at a quotation mark, but more text follows: write a quotation mark inside a text as \\"`,
      true,
    );
  }
  if (isOpening) return at(`a "," is missing after ${valueAt(around)}`);
  return at(`${valueAt(around)} is followed by something else: put text in double quotes`, true);
}

/** A key or a value should come next, but this byte does. */
function missingFault(around: JsonSurroundings, next: number | undefined, at: MakeMistake): Mistake {
  const isClosing = next === 0x7d || next === 0x5d;
  if (isClosing && around.previous === 0x2c) {
    return at(`remove the "," before "${String.fromCharCode(next)}"`);
  }
  if (around.wantsKey) return at('a key must be in double quotes');
  if (isClosing || next === 0x2c) return at(`${valueAt(around)} is missing`, true);
  return at(`${valueAt(around)} must be in double quotes if it is text`, true);
}

/** What is wrong inside the string that starts at `start`. */
function stringFault(around: JsonSurroundings, bytes: Uint8Array, start: number, at: MakeMistake): Mistake {
  const what = around.wantsKey ? 'a key' : textOf(around);
  for (let position = start + 1; position < bytes.length; position += 1) {
    const byte = bytes[position] ?? 0;
    if (byte === 0x22) break;
    if (byte === 0x0a || byte === 0x0d) {
      const words = `${what} has a line break (write it as \\n) or no closing quotation mark`;
      return at(words, true, position);
    }
    if (byte === 0x09) return at(`${what} has a tab: write it as \\t`, true, position);
    if (byte < 0x20) return at(`${what} has a control character`, true, position);
    if (byte !== 0x5c) continue;
    if (!isEscape(bytes, position)) {
      return at(`${what} has a backslash that starts no escape: write it as \\\\`, true, position);
    }
    position += 1;
  }
  return at(`${what} has no closing quotation mark`, true);
}

function isEscape(bytes: Uint8Array, position: number): boolean {
  return /^\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/.test(
    Buffer.from(bytes.subarray(position, position + 6)).toString('latin1'),
  );
}

/** Characters that people write outside strings, but JSON does not allow there. */
function foundAt(bytes: Uint8Array, offset: number): string | undefined {
  const text = Buffer.from(bytes.subarray(offset, offset + 8)).toString('utf8');
  if (text.startsWith("'")) return 'JSON does not allow single quotes: use double quotes';
  if (/^[“”„‘’«»]/.test(text)) return 'JSON does not allow typographic quotes: use plain ones';
  if (/^(?:True|False|None|Null|TRUE|FALSE|NULL)\b/.test(text)) {
    return 'write true, false and null in lower case';
  }
  if (/^(?:#|\/\/|\/\*)/.test(text)) return 'JSON does not allow comments';
  return undefined;
}

function encodingFault(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0) return 'it is empty';
  const begin = Buffer.from(bytes.subarray(0, 3)).toString('hex');
  if (begin === 'efbbbf') return 'it begins with a byte order mark: save it as UTF-8 without one';
  return begin.startsWith('fffe') || begin.startsWith('feff') ? 'it is UTF-16: save it as UTF-8' : undefined;
}

function endFault(around: JsonSurroundings): string {
  if (around.close === undefined) return 'it is empty';
  const where = around.path === '' ? '' : `, at ${quotedPath(around)}`;
  return `it ends before its closing "${around.close}"${where}`;
}

function quotedPath({ path }: JsonSurroundings): string {
  return `"${printable(path, maxPathCharacters)}"`;
}

function valueAt(around: JsonSurroundings): string {
  return around.path === '' ? 'the value' : `the value of ${quotedPath(around)}`;
}

function textOf(around: JsonSurroundings): string {
  return around.path === '' ? 'a text' : `the text of ${quotedPath(around)}`;
}

/** Line and column, both counted from 1. */
function placeOf(bytes: Uint8Array, offset: number): string {
  const before = Buffer.from(bytes.subarray(0, offset))
    .toString('utf8')
    .split(/\r\n|\r|\n/);
  return `line ${before.length}, column ${[...(before.at(-1) ?? '')].length + 1}`;
}
