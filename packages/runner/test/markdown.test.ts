import { printable } from '@slipway/core';
import { escapeMarkdown, renderMarkdown, type SummaryBlock } from '@slipway/runner';
import fc from 'fast-check';
import { micromark } from 'micromark';
import { gfmTable, gfmTableHtml } from 'micromark-extension-gfm-table';
import { describe, expect, test } from 'vitest';

function html(markdown: string): string {
  return micromark(markdown, {
    allowDangerousHtml: true,
    extensions: [gfmTable()],
    htmlExtensions: [gfmTableHtml()],
  });
}

function decode(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&');
}

/** Texts full of what Markdown, HTML and the runner look for. */
const hostile = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(
      fc.constantFrom(
        ...[
          '|',
          '\\',
          '`',
          '```',
          '<',
          '>',
          '<b>',
          '&lt;',
          '[a](b)',
          '![',
          '](',
          '**',
          '__',
          '~~',
          '# ',
          '- ',
          '1. ',
        ],
        ...[
          '::',
          '::error::',
          '\n',
          '\r\n',
          '\t',
          ' ',
          '    ',
          '<!--',
          '-->',
          '</details>',
          'http://x.y',
          '---',
          '$$',
        ],
        ...['=', '+ ', '> ', '|-|', '&', ';', '@', '&#124;', '\u202e', '\u2028', '\0', 'a', 'é', '😀', '%0A'],
      ),
    )
    .map((parts) => parts.join('')),
);

/** What a line of text is to look like, and nothing else. */
function visible(text: string, maxCharacters: number): string {
  return text
    .split(/\r?\n/)
    .map((line) => printable(line, maxCharacters))
    .join('<br>');
}

describe('I8: text in a summary is shown as it is, whatever it contains', () => {
  test('as a text', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const match = /^<p>(.*)<\/p>$/s.exec(
          html(renderMarkdown([{ kind: 'text', text: `x${text}x` }])).trim(),
        );
        expect(decode(match?.[1] ?? '')).toBe(visible(`x${text}x`, 100_000));
      }),
      { numRuns: 1_000 },
    );
  });

  test('as the cells of a table', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(hostile, hostile), { minLength: 1, maxLength: 5 }), (rows) => {
        const page = html(renderMarkdown([{ kind: 'table', head: ['one', 'two'], rows }]));
        const cells = [...page.matchAll(/<td>(.*?)<\/td>/gs)].map(([, cell = '']) => decode(cell));
        expect(cells).toEqual(rows.flat().map((cell) => visible(cell, 2_000)));
      }),
      { numRuns: 500 },
    );
  });

  test('as code', () => {
    fc.assert(
      fc.property(hostile, hostile, (text, language) => {
        const page = html(renderMarkdown([{ kind: 'code', text, language }])).trim();
        const match = /^<pre><code(?: class="language-[\w+-]+")?>(.*?)\n?<\/code><\/pre>$/s.exec(page);
        const shown = text
          .split(/\r?\n/)
          .map((line) => printable(line, 100_000))
          .join('\n');
        expect(decode(match?.[1] ?? 'no code').trimEnd()).toBe(shown.trimEnd());
      }),
      { numRuns: 1_000 },
    );
  });

  test('as headings and as what opens details', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const heading = html(renderMarkdown([{ kind: 'heading', text: `x${text}x` }]));
        expect(decode(/^<h2>(.*)<\/h2>$/s.exec(heading.trim())?.[1] ?? '')).toBe(
          printable(`x${text}x`, 2_000),
        );
        const details = html(renderMarkdown([{ kind: 'details', summary: text, blocks: [] }]));
        expect(details).toMatch(/^<details><summary>[^<]*<\/summary>\n*<\/details>\s*$/);
      }),
      { numRuns: 500 },
    );
  });

  test('and holds no workflow command', () => {
    fc.assert(fc.property(hostile, (text) => !escapeMarkdown(text).includes('::')));
  });
});

describe('a summary that is too long', () => {
  const blocks = fc.letrec<{ block: SummaryBlock }>((tie) => ({
    block: fc.oneof(
      { depthSize: 'small' },
      fc.record({
        kind: fc.constantFrom('heading' as const, 'text' as const, 'code' as const),
        text: hostile,
      }),
      fc.record({
        kind: fc.constant('table' as const),
        head: fc.constant(['a', 'b']),
        rows: fc.array(fc.array(hostile, { maxLength: 3 })),
      }),
      fc.record({ kind: fc.constant('details' as const), summary: hostile, blocks: fc.array(tie('block')) }),
    ),
  })).block;

  test('stays below its limit, closes what it opened, and says what happened', () => {
    fc.assert(
      fc.property(fc.array(blocks), fc.integer({ min: 400, max: 3_000 }), (some, maxBytes) => {
        const whole = renderMarkdown(some);
        const cut = renderMarkdown(some, { maxBytes });
        expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(maxBytes);
        const page = html(cut);
        const count = (tag: string) => page.split(tag).length;
        expect(count('<details>')).toBe(count('</details>'));
        expect(cut === whole || cut.includes('left out')).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

test('I7: a secret is taken out before escaping hides it', () => {
  const page = renderMarkdown(
    [
      { kind: 'text', text: 'a|b' },
      { kind: 'details', summary: 'a|b', blocks: [{ kind: 'table', head: ['a|b'], rows: [['a|b']] }] },
      { kind: 'code', text: 'a|b' },
      { kind: 'heading', text: 'a|b' },
    ],
    { redact: (text) => text.replaceAll('a|b', 'SAFE') },
  );
  expect(page.split('SAFE')).toHaveLength(7);
  expect(page).not.toContain('&#124;b');
  expect(page).not.toContain('a|b');
});
