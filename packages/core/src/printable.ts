const maxPrintableCharacters = 500;
/** Two colons, unless what is before them on the line makes them a part of an ARN: `arn:aws:iam::…`, `arn:aws:s3:::…`. */
const doubleColon = /(?<!\barn:[a-z][a-z-]{1,31}:[a-z][a-z0-9-]{0,31}:?)::/g;

/**
 * `text` from outside (a file name, a server's words) made safe to print: control characters, line breaks, bidirectional
 * overrides and invisible characters become `\u{…}` escapes. `::` is broken up so that no runner reads a workflow command,
 * but not inside an ARN, which people copy and where no command begins. Text longer than `maxCharacters` (500) is cut
 * with `…`.
 */
export function printable(text: string, maxCharacters = maxPrintableCharacters): string {
  const cut = text.length > maxCharacters ? `${text.slice(0, maxCharacters)}…` : text;
  return withoutControls(cut).replaceAll(doubleColon, ':\u200b:').replaceAll('##[', '#\u200b#[');
}

/**
 * One whole line of a program's output made safe to print, and otherwise exactly as it is, so that what is copied from it is
 * right: never cut, and broken up only where a runner would read a workflow command, which is where a line begins.
 */
export function printableLine(line: string): string {
  return withoutControls(line)
    .replace(/^(\s*):(?=:)/, '$1:\u200b')
    .replaceAll('##[', '#\u200b#[');
}

/** Characters that move the cursor, change the direction of the text, or are not seen at all. */
const unseen =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\u{e0000}-\u{e007f}]/gu;
/** What breaks up commands below, so that printing a printable text again changes nothing. */
const breaks = /(?<=:)\u200b(?=:)|(?<=#)\u200b(?=#\[)/g;

function withoutControls(text: string): string {
  return text
    .replace(breaks, '')
    .replace(unseen, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}
