import { pathGlob, splitPathWords } from '@slipway/local-files';
import { type InputDeclaration, linesInput } from '@slipway/runner';

/** A value for one archive or, without `archive`, for all of them. */
export interface Rule<Value> {
  readonly archive: string | undefined;
  readonly value: Value;
}

/** An input of lines `archive.zip: value`, or `value` for all archives. */
export function rulesInput<Value>(
  description: string,
  parseValue: (text: string) => Value,
): InputDeclaration<readonly Rule<Value>[]> {
  return linesInput('rules', description, (line) => {
    const end = /\.zip:\s/i.exec(line)?.index;
    if (end === undefined) return { archive: undefined, value: parseValue(line.trim()) };
    return { archive: line.slice(0, end + 4).trim(), value: parseValue(line.slice(end + 5).trim()) };
  });
}

/** The value of the last rule for an archive, or else of the last rule for all. */
export function ruleFor<Value>(rules: readonly Rule<Value>[], archive: string): Value | undefined {
  const own = rules.findLast((rule) => rule.archive === archive);
  return (own ?? rules.findLast((rule) => rule.archive === undefined))?.value;
}

/** The values of all rules for an archive, including those for all archives. */
export function rulesFor<Value>(rules: readonly Rule<Value>[], archive: string): readonly Value[] {
  return rules.flatMap((rule) =>
    rule.archive === undefined || rule.archive === archive ? [rule.value] : [],
  );
}

/** Globs that are separated by spaces. Throws an `Error` for one that is not valid. */
export function parseGlobs(text: string): readonly string[] {
  const globs = splitPathWords(text).map(({ path, target }) =>
    target === undefined ? path : `${path}=${target}`,
  );
  for (const glob of globs) pathGlob(glob);
  return globs;
}

/** A word for a platform, such as `macos` or `linux-x64`. Throws an `Error` for anything else. */
export function parsePlatform(text: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text)) return text;
  throw new Error('must be a platform (letters, digits, "-", "_" and ".")');
}

export interface Field {
  readonly name: string;
  readonly value: string;
}

/** `name=value`. Throws an `Error` for anything else. */
export function parseField(line: string): Field {
  const match = /^([A-Za-z][A-Za-z0-9_.-]{0,63})\s*=\s*(.*)$/s.exec(line);
  if (match === null) {
    throw new Error(
      'must be name=value with a name of letters, digits, "-", "_" and "."; a value has one line',
    );
  }
  return { name: match[1] ?? '', value: match[2] ?? '' };
}
