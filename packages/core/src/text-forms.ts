/**
 * What a text may contain before it is parsed. `lines`: no control characters but tabs and line ends. `line`: one line
 * without control characters. `token`: printable ASCII without blanks, as allowed in an HTTP header (RFC 9110).
 */
export type TextForm = 'lines' | 'line' | 'token';

const lineEnd = /\r\n?|\n/;

/** What is wrong with the form of a text, and what to do, without quoting it; undefined if it is fine. */
export function formFault(text: string, form: TextForm): string | undefined {
  const lines = text.split(lineEnd);
  if (form === 'lines') {
    const index = lines.findIndex((line) => hasControl(line.replaceAll('\t', ' ')));
    return index === -1 ? undefined : `line ${index + 1} has a control character: remove it`;
  }
  if (form === 'token' && /^\s*-----BEGIN /.test(text)) {
    return 'it is a key or certificate in PEM, but a token is needed: give only the token';
  }
  if (lines.length > 1) return `it has ${lines.length} lines but must have one: give only the right one`;
  if (hasControl(text)) return 'it has a control character: remove it';
  if (form === 'line') return undefined;
  if (/^(["'`]).*\1$/.test(text)) return 'it is in quotes, which would become part of it: remove them';
  if (/\s/.test(text)) return 'it has a space: give only the value, without words before or after it';
  return /^[\x21-\x7e]*$/.test(text) ? undefined : 'it has a character beyond ASCII: copy it again';
}

function hasControl(text: string): boolean {
  return /[\u0000-\u001f\u007f]/.test(text);
}
