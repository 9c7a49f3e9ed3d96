import { type Problem, printable } from '@slipway/core';

const maxNamed = 20;
const maxShownCharacters = 100;

/** How to include what is left out. */
export const leftOutHint = 'To include one anyway, name it itself, without a wildcard.';

/** The notice that stores of credentials at these paths were left out, if there are any. */
export function leftOutNotices(paths: readonly string[]): readonly Problem<'credentials-left-out'>[] {
  if (paths.length === 0) return [];
  const names = [...new Set(paths)].sort();
  const shown = names.slice(0, maxNamed).map((path) => printable(path, maxShownCharacters));
  const more = names.length > maxNamed ? `, and ${names.length - maxNamed} more` : '';
  return [
    {
      code: 'credentials-left-out',
      severity: 'notice',
      message: `Left out because credentials are kept there: ${shown.join(', ')}${more}.`,
      hint: leftOutHint,
    },
  ];
}

/** The notice that a glob matches nothing, and why that may be. `what` continues a sentence that begins with the glob. */
export function unusedGlobNotice(
  text: string,
  what: string,
  severity: 'warning' | 'notice',
): Problem<'glob-unused'> {
  return {
    code: 'glob-unused',
    severity,
    message: `The glob "${printable(text, maxShownCharacters)}" ${what}.`,
    hint: looksLikeSeveral(text)
      ? 'A space or a comma in a glob is part of the name. Write one glob per line, or {a,b}.'
      : undefined,
  };
}

/**
 * Warnings for globs that leave nothing out and look like several. Other unused ones are not reported: lists of globs are often
 * shared between places.
 */
export function unusedExcludeNotices(unused: readonly string[]): readonly Problem<'glob-unused'>[] {
  return [...new Set(unused)]
    .filter(looksLikeSeveral)
    .map((text) => unusedGlobNotice(text, 'leaves nothing out', 'warning'));
}

/** Whether a glob has a blank or a comma that may have been meant to end one and begin another. */
function looksLikeSeveral(text: string): boolean {
  return /[\s,]/.test(text.replace(/\{[^{}]*\}/g, ''));
}
