import { type InputDeclaration, linesInput } from '@slipway/runner';
import { type KeyGlob, parseKeyGlob } from './globs.ts';

const maxValueCharacters = 1_024;

/** A value for the keys that a glob matches. */
export interface Rule<Value> {
  readonly glob: KeyGlob;
  readonly value: Value;
}

export interface MetadataValue {
  readonly name: string;
  readonly value: string;
}

/** An input of globs for keys, one per line. */
export function globsInput(description: string): InputDeclaration<readonly KeyGlob[]> {
  return linesInput('globs', description, parseKeyGlob);
}

/** An input of lines `GLOB: value`. */
export function rulesInput<Value>(
  description: string,
  parseValue: (text: string) => Value,
): InputDeclaration<readonly Rule<Value>[]> {
  return linesInput('rules', description, (line) => {
    const colon = /:\s/.exec(line);
    if (colon === null) throw new Error('it must be "GLOB: value"; "**: value" applies to all objects');
    return {
      glob: parseKeyGlob(line.slice(0, colon.index).trim()),
      value: parseValue(line.slice(colon.index + 1).trim()),
    };
  });
}

/** The value of the last of `rules` that matches `key`. */
export function lastMatch<Value>(rules: readonly Rule<Value>[], key: string): Value | undefined {
  return rules.findLast((rule) => rule.glob.matches(key))?.value;
}

/** A value that an HTTP header can have, in ASCII. Throws an `Error` for anything else. */
export function parseHeaderValue(text: string): string {
  if (text === '') throw new Error('the value is empty');
  if (text.length > maxValueCharacters)
    throw new Error(`the value is longer than ${maxValueCharacters} characters`);
  if (!/^[\x20-\x7e]*$/.test(text)) throw new Error('the value has characters other than printable ASCII');
  return text;
}

/** A media type with parameters, as in RFC 9110. Throws an `Error` for anything else. */
export function parseContentType(text: string): string {
  const value = parseHeaderValue(text);
  const token = "[\\w!#$%&'*+.^`|~-]+";
  const parameter = `\\s*;\\s*${token}=(?:${token}|"[^"\\\\]*")`;
  if (!new RegExp(`^${token}/${token}(?:${parameter})*$`).test(value)) {
    throw new Error('must be a content type, such as "text/html; charset=utf-8"');
  }
  return value;
}

const contentEncodings = ['gzip', 'br', 'zstd', 'deflate', 'identity'] as const;
export type ContentEncoding = (typeof contentEncodings)[number];

/** A content coding of RFC 9110, or of RFC 8878 (`zstd`) and RFC 7932 (`br`). Throws an `Error` for anything else. */
export function parseContentEncoding(text: string): ContentEncoding {
  const found = contentEncodings.find((encoding) => encoding === text.toLowerCase());
  if (found === undefined) throw new Error(`must be one of ${contentEncodings.join(', ')}`);
  return found;
}

/** `name=value` for `x-amz-meta-name`. Throws an `Error` for anything else. */
export function parseMetadata(text: string): MetadataValue {
  const match = /^([A-Za-z0-9][A-Za-z0-9_.-]{0,127})\s*=\s*(.*)$/s.exec(text);
  if (match === null) throw new Error('must be name=value with a name of letters, digits, "-", "_" and "."');
  const [, name = '', value = ''] = match;
  const lowerName = name.toLowerCase();
  if (lowerName.startsWith('slipway') || lowerName === 'sha256') {
    throw new Error('names that begin with "slipway", and "sha256", are reserved for Slipway');
  }
  return { name: lowerName, value: parseHeaderValue(value) };
}
