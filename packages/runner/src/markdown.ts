import { printable } from '@slipway/core';
import type { SummaryBlock } from './declaration.ts';

/** GitHub drops a summary that is larger than 1 MiB. */
const maxSummaryBytes = 900_000;
const noticeBytes = 400;
const maxCellCharacters = 2_000;
const maxTextCharacters = 100_000;

/**
 * Markdown that shows exactly `text`. Every character with a meaning in Markdown or HTML becomes a character reference,
 * so that none can form a link, tag, table cell, emphasis or workflow command. `printable` makes other line breaks and
 * control characters visible.
 */
export function escapeMarkdown(text: string, maxCharacters = maxCellCharacters): string {
  return printable(text, maxCharacters)
    .replace(/[&<>`*_~|[\]\\$#!"'@:{}()^]/g, (character) => `&#${character.charCodeAt(0)};`)
    .replace(/https?|www|ftp|mailto|xmpp/gi, (scheme) => `&#${scheme.charCodeAt(0)};${scheme.slice(1)}`)
    .replace(/^(\s*)([-+=]|\d+(?=[.)]))/, (_, space: string, marker: string) => {
      return `${space}&#${marker.charCodeAt(0)};${marker.slice(1)}`;
    })
    .replace(/^[ ]+|[ ]{2,}|[ ]+$/g, (spaces) => '&#32;'.repeat(spaces.length));
}

export interface MarkdownOptions {
  /** 900,000 when not given. */
  readonly maxBytes?: number;
  /** Removes secrets from a text, before escaping could hide them. */
  readonly redact?: (text: string) => string;
}

/** The blocks as GitHub-flavoured Markdown of at most `maxBytes`. The end says if something did not fit. */
export function renderMarkdown(blocks: readonly SummaryBlock[], options: MarkdownOptions = {}): string {
  const page = new Page(
    (options.maxBytes ?? maxSummaryBytes) - noticeBytes,
    options.redact ?? ((text) => text),
  );
  page.blocks(blocks);
  return page.text();
}

/** Collects Markdown up to a size, and reserves room to close the structures that are open. */
class Page {
  readonly #parts: string[] = [];
  #remainingBytes: number;
  readonly #redact: (text: string) => string;
  #full = false;

  constructor(maxBytes: number, redact: (text: string) => string) {
    this.#remainingBytes = maxBytes;
    this.#redact = redact;
  }

  text(): string {
    if (this.#full) this.#parts.push('\n_The rest is left out: it is too long for a job summary._\n');
    return this.#parts.join('');
  }

  blocks(blocks: readonly SummaryBlock[]): void {
    for (const block of blocks) {
      if (this.#full) return;
      this.#block(block);
    }
  }

  #add(part: string): boolean {
    const bytes = Buffer.byteLength(part);
    if (this.#full || bytes > this.#remainingBytes) {
      this.#full = true;
      return false;
    }
    this.#remainingBytes -= bytes;
    this.#parts.push(part);
    return true;
  }

  #block(block: SummaryBlock): void {
    switch (block.kind) {
      case 'heading':
        this.#add(`## ${escapeMarkdown(this.#redact(block.text))}\n\n`);
        return;
      case 'text':
        this.#add(`${escapeLines(this.#redact(block.text))}\n\n`);
        return;
      case 'code':
        this.#code(this.#redact(block.text), block.language ?? '');
        return;
      case 'table':
        this.#table(block.head, block.rows);
        return;
      case 'details':
        this.#details(block.summary, block.blocks);
        return;
      default:
        block satisfies never;
    }
  }

  #code(text: string, language: string): void {
    const lines = text.split(/\r?\n/).map((line) => printable(line, maxTextCharacters));
    const longestRun = Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length));
    const fence = '`'.repeat(Math.max(3, longestRun + 1));
    const close = `\n${fence}\n\n`;
    if (!this.#add(`${fence}${language.replace(/[^\w+-]/g, '')}`)) return;
    this.#remainingBytes -= close.length;
    for (const line of lines) if (!this.#add(`\n${line}`)) break;
    this.#parts.push(close);
  }

  #table(head: readonly string[], rows: readonly (readonly string[])[]): void {
    if (head.length === 0) return;
    if (!this.#add(`${this.#row(head)}|${' --- |'.repeat(head.length)}\n`)) return;
    for (const row of rows) {
      if (!this.#add(this.#row(head.map((_, column) => row[column] ?? '')))) break;
    }
    this.#parts.push('\n');
  }

  #row(cells: readonly string[]): string {
    return `| ${cells.map((cell) => escapeLines(this.#redact(cell), maxCellCharacters)).join(' | ')} |\n`;
  }

  #details(summary: string, blocks: readonly SummaryBlock[]): void {
    const close = '</details>\n\n';
    if (!this.#add(`<details><summary>${escapeMarkdown(this.#redact(summary))}</summary>\n\n`)) return;
    this.#remainingBytes -= close.length;
    this.blocks(blocks);
    this.#parts.push(close);
  }
}

function escapeLines(text: string, maxCharacters = maxTextCharacters): string {
  return text
    .split(/\r?\n/)
    .map((line) => escapeMarkdown(line, maxCharacters))
    .join('<br>');
}
