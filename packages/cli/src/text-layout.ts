import { counted, printableLine } from '@slipway/core';
import type { SummaryBlock } from '@slipway/runner';

const maxOutputLines = 100;

/** `text` broken at spaces into lines of at most `width` characters. A longer word gets a line of its own. */
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

/**
 * A table with aligned columns, numbers to the right. Cells are made printable but never shortened, however narrow the
 * terminal is, because people copy from them. A cell may have several lines.
 */
export function textTable(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const cellLines = (row: readonly string[]): readonly (readonly string[])[] => {
    const columns = head.map((_, column) => printableLines(row[column] ?? ''));
    const height = Math.max(1, ...columns.map((lines) => lines.length));
    return Array.from({ length: height }, (_, line) => columns.map((lines) => lines[line] ?? ''));
  };
  const headLines = cellLines(head);
  const cells = [...headLines, ...rows.flatMap(cellLines)];
  const widths = head.map((_, column) =>
    cells.reduce((width, row) => Math.max(width, row[column]?.length ?? 0), 0),
  );
  const isNumeric = head.map(
    (_, column) =>
      rows.length > 0 &&
      cells
        .slice(headLines.length)
        .every((row) => /^[\d.,]+( ([KMGTP]i)?B| m?s|%)?$|^$/.test(row[column] ?? '')),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        isNumeric[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd();
  const lines = cells.map(line);
  const rule = widths.map((width) => '─'.repeat(width)).join('  ');
  return [...lines.slice(0, headLines.length), rule, ...lines.slice(headLines.length)];
}

/** Outputs and their values, with each line of a value on a line of its own. */
export function outputLines(outputs: readonly (readonly [name: string, value: string])[]): readonly string[] {
  const rows = outputs.flatMap(([name, value]) => {
    const lines = value.split(/\r?\n/);
    const more = lines.length - maxOutputLines;
    const shown =
      more > 0
        ? [
            ...lines.slice(0, maxOutputLines),
            `… and ${counted(more, 'more line')}: --write ${name}=FILE writes all`,
          ]
        : lines;
    return shown.map((line, index) => [index === 0 ? name : '', printableLine(line)] as const);
  });
  const width = Math.max('output'.length, ...rows.map(([name]) => name.length));
  const head = [`${'output'.padEnd(width)}  value`, `${'─'.repeat(width)}  ─────`];
  return [...head, ...rows.map(([name, line]) => `${name.padEnd(width)}  ${line}`.trimEnd())];
}

/** A summary as lines for a terminal. `redact` gets every text before it is shortened or escaped. */
export function textBlocks(
  blocks: readonly SummaryBlock[],
  redact: (text: string) => string = (text) => text,
): readonly string[] {
  return blocks.flatMap((block) => {
    switch (block.kind) {
      case 'heading':
        return ['', printableLine(redact(block.text)), ''];
      case 'text':
        return printableLines(redact(block.text));
      case 'code':
        // A terminal cannot draw the diagram.
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
        return ['', `${printableLine(redact(block.summary))}:`, ...textBlocks(block.blocks, redact)];
      default:
        return block satisfies never;
    }
  });
}

function printableLines(text: string): readonly string[] {
  return text.split(/\r?\n/).map(printableLine);
}
