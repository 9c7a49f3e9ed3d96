/** JSON as Python's `json` writes it, in ASCII and compact, as with `separators=(",", ":")`. */
export function compactJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The same with a line break after every token, as with `indent=0`. Omits undefined members. */
export function linewiseJson(value: unknown): string {
  if (Array.isArray(value)) return bracketed('[', value.map(linewiseJson), ']');
  if (typeof value !== 'object' || value === null) return compactJson(value);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return bracketed(
    '{',
    members.map(([key, member]) => `${compactJson(key)}:${linewiseJson(member)}`),
    '}',
  );
}

function bracketed(open: string, parts: readonly string[], close: string): string {
  return parts.length === 0 ? `${open}${close}` : `${open}\n${parts.join(',\n')}\n${close}`;
}
