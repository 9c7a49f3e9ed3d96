const maxPrintableCharacters = 500;
/** Two colons, unless the preceding text makes them part of an ARN: `arn:aws:iam::…`, `arn:aws:s3:::…`. */
const doubleColon = /(?<!\barn:[a-z][a-z-]{1,31}:[a-z][a-z0-9-]{0,31}:?)::/g;

/**
 * Makes untrusted `text` (a file name, a server's message) safe to print: control characters, line breaks, bidirectional overrides
 * and invisible characters become `\u{…}` escapes. `::` is broken up so that the runner sees no workflow command, except inside
 * ARNs, which people copy and where no command can start. Cuts text after `maxCharacters` (500) with `…`.
 */
export function printable(text: string, maxCharacters = maxPrintableCharacters): string {
  const cut = text.length > maxCharacters ? `${text.slice(0, maxCharacters)}…` : text;
  return withoutControls(cut).replaceAll(doubleColon, ':\u200b:').replaceAll('##[', '#\u200b#[');
}

/**
 * Makes one line of a program's output safe to print and otherwise leaves it exact, so that it can be copied: never cut,
 * and broken up only where the runner would see a workflow command, at the start of a line.
 */
export function printableLine(line: string): string {
  return withoutControls(line)
    .replace(/^(\s*):(?=:)/, '$1:\u200b')
    .replaceAll('##[', '#\u200b#[');
}

/** Characters that move the cursor, change the text direction, or are invisible. */
const unseen =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\u{e0000}-\u{e007f}]/gu;

/** Joiners that emoji and words of some scripts are spelled with: between two characters that are not ASCII. */
const joiners = /(?<=[^\0-\x7f\u200c\u200d])[\u200c\u200d](?=[^\0-\x7f\u200c\u200d])/gu;

/** Whether a text has characters that are not seen, or that end a line: they can hide what it says. */
export function hasUnseen(text: string): boolean {
  return text.replace(joiners, '').search(unseen) !== -1;
}

/** Breaks up commands below. Not escaped, so that printing a printable text again changes nothing. */
const breaks = /(?<=:)\u200b(?=:)|(?<=#)\u200b(?=#\[)/g;

function withoutControls(text: string): string {
  return text
    .replace(breaks, '')
    .replace(unseen, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}
