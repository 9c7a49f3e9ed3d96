/**
 * A text as a sentence that can stand before others: with the one mark at its end that it has, or else a full stop. Texts of
 * errors come with and without one. Empty for an empty text.
 */
export function sentence(text: string): string {
  const trimmed = text.trimEnd();
  return trimmed === '' || /[.!?…]["')]?$/.test(trimmed) ? trimmed : `${trimmed}.`;
}

/** Texts one after the other, each as a sentence; those that are empty or missing leave no trace. */
export function sentences(...texts: readonly (string | undefined)[]): string {
  return texts
    .map((text) => sentence(text ?? ''))
    .filter((text) => text !== '')
    .join(' ');
}

/** A text with details behind it in brackets, or alone where there are none: ` ()` is never printed. */
export function withDetails(text: string, ...details: readonly (string | undefined)[]): string {
  const known = details.filter((detail) => detail !== undefined && detail !== '');
  return known.length === 0 ? text : `${text} (${known.join('; ')})`;
}
