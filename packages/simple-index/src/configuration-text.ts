import { printable } from '@slipway/core';
import { parseDocument } from 'yaml';

const maxCharacters = 2_000_000;
const maxAliases = 1_000;

/**
 * The plain object that a YAML 1.2 or JSON text of a configuration stands for, for `parseConfiguration`. Returns every
 * mistake of syntax, with line and column.
 */
export function readConfigurationText(
  text: string,
): { readonly value: unknown } | { readonly problems: readonly string[] } {
  if (text.length > maxCharacters)
    return { problems: [`the configuration has more than ${maxCharacters} characters`] };
  const document = parseDocument(text, { version: '1.2', prettyErrors: true, uniqueKeys: true });
  // The first line says what and where; the others show the text.
  const problems = [...document.errors, ...document.warnings].map(({ message }) =>
    printable(message.split('\n')[0]?.replace(/:$/, '') ?? '', 300),
  );
  if (problems.length > 0) return { problems: problems.slice(0, 100) };
  try {
    // What anchors stand for is counted, so that few bytes cannot become gigabytes.
    return { value: document.toJS({ maxAliasCount: maxAliases }) };
  } catch (error) {
    return { problems: [printable(error instanceof Error ? error.message : String(error), 300)] };
  }
}
