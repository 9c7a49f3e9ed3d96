import { counted, printable } from '@slipway/core';
import type { SummaryBlock } from '@slipway/runner';

const maxCellCharacters = 72;
const maxLineCharacters = 4_000;
const maxOutputLines = 100;

/** `text` broken at spaces into lines of at most `width` characters; a longer word stands alone. */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/).filter((part) => part !== '')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  return line === '' ? lines : [...lines, line];
}

/** Two columns: terms on the left, explanations wrapped on the right, `width` characters in all. */
export function definitionList(
  entries: readonly (readonly [term: string, text: string])[],
  width: number,
  maxTermWidth = 32,
): readonly string[] {
  const termWidth = Math.min(maxTermWidth, Math.max(0, ...entries.map(([term]) => term.length)));
  const indent = ' '.repeat(termWidth + 4);
  return entries.flatMap(([term, text]) => {
    const lines = wrap(text, width - indent.length);
    if (term.length > termWidth) return [`  ${term}`, ...lines.map((line) => indent + line)];
    const [first = '', ...rest] = lines;
    return [`  ${term.padEnd(termWidth)}  ${first}`.trimEnd(), ...rest.map((line) => indent + line)];
  });
}

/** A table with aligned columns; columns of numbers are aligned to the right. Every cell is made printable. */
export function textTable(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const cells = [head, ...rows].map((row) =>
    head.map((_, column) => printable(row[column] ?? '', maxCellCharacters)),
  );
  const widths = head.map((_, column) =>
    cells.reduce((width, row) => Math.max(width, row[column]?.length ?? 0), 0),
  );
  const isNumeric = head.map(
    (_, column) =>
      cells.length > 1 &&
      cells.slice(1).every((row) => /^[\d.,]+( ([KMGTP]i)?B| m?s|%)?$|^$/.test(row[column] ?? '')),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        isNumeric[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd();
  const [first = [], ...others] = cells;
  return [line(first), widths.map((width) => '─'.repeat(width)).join('  '), ...others.map(line)];
}

/** Outputs and their values, each line of a value on its own, and none cut as cells are: people copy them. */
export function outputLines(outputs: readonly (readonly [name: string, value: string])[]): readonly string[] {
  const rows = outputs.flatMap(([name, value]) => {
    const lines = value.split(/\r?\n/);
    const more = lines.length - maxOutputLines;
    const shown =
      more > 0 ? [...lines.slice(0, maxOutputLines), `… and ${counted(more, 'more line')}`] : lines;
    return shown.map((line, index) => [index === 0 ? name : '', printable(line, maxLineCharacters)] as const);
  });
  const width = Math.max('output'.length, ...rows.map(([name]) => name.length));
  const head = [`${'output'.padEnd(width)}  value`, `${'─'.repeat(width)}  ─────`];
  return [...head, ...rows.map(([name, line]) => `${name.padEnd(width)}  ${line}`.trimEnd())];
}

/** A summary as lines for a terminal. `redact` sees every text before it is cut or escaped. */
export function textBlocks(
  blocks: readonly SummaryBlock[],
  redact: (text: string) => string = (text) => text,
): readonly string[] {
  return blocks.flatMap((block) => {
    switch (block.kind) {
      case 'heading':
        return ['', printable(redact(block.text), maxLineCharacters), ''];
      case 'text':
        return printableLines(redact(block.text));
      case 'code':
        // A diagram's source is no picture on a terminal.
        return block.language === 'mermaid'
          ? []
          : printableLines(redact(block.text)).map((line) => `  ${line}`);
      case 'table':
        return [
          '',
          ...textTable(
            block.head.map(redact),
            block.rows.map((row) => row.map(redact)),
          ),
          '',
        ];
      case 'details':
        return [
          '',
          `${printable(redact(block.summary), maxLineCharacters)}:`,
          ...textBlocks(block.blocks, redact),
        ];
      default:
        return block satisfies never;
    }
  });
}

function printableLines(text: string): readonly string[] {
  return text.split(/\r?\n/).map((line) => printable(line, maxLineCharacters));
}
