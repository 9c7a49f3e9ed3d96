/** Ends a text with a full stop, unless it has an end mark already: texts of errors come both ways. Empty text stays empty. */
export function sentence(text: string): string {
  const trimmed = text.trimEnd();
  return trimmed === '' || /[.!?…]["')]?$/.test(trimmed) ? trimmed : `${trimmed}.`;
}

/** Joins texts as sentences; skips those that are empty or missing. */
export function sentences(...texts: readonly (string | undefined)[]): string {
  return texts
    .map((text) => sentence(text ?? ''))
    .filter((text) => text !== '')
    .join(' ');
}

/** A text followed by details in brackets; without details, the text alone. */
export function withDetails(text: string, ...details: readonly (string | undefined)[]): string {
  const known = details.filter((detail) => detail !== undefined && detail !== '');
  return known.length === 0 ? text : `${text} (${known.join('; ')})`;
}
