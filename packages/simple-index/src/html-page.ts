import { encodeStrictly } from '@slipway/core';
import type { ProjectPage, RootPage } from './files.ts';
import { pageText, type ShownFile, shownFiles } from './page-files.ts';

/** The version of the simple repository API in which HTML was frozen (PEP 833). */
const apiVersion = '1.4';

/** The HTML page of a project (PEP 503), with the attributes of PEP 592, 658, 714 and 792, and the times and sizes that uv reads. */
export function renderProjectHtml(page: ProjectPage): string {
  const head =
    page.status === undefined
      ? []
      : [
          `<meta name="pypi:project-status" content="${escapeHtml(page.status.status)}">`,
          ...(page.status.reason === undefined
            ? []
            : [`<meta name="pypi:project-status-reason" content="${escapeHtml(page.status.reason)}">`]),
        ];
  return htmlDocument(`Links for ${page.project}`, head, linesOf(shownFiles(page), fileAnchor));
}

/** The HTML page that lists the projects of a directory (PEP 503). */
export function renderRootHtml(page: RootPage): string {
  const names = [...new Set(page.projects)].sort();
  return htmlDocument(
    'Simple index',
    [],
    names.map((name) => anchor(`${encodeStrictly(name)}/`, '', name)),
  );
}

/** A whole document, whose `title` is text and whose `head` and `anchors` are lines of HTML. */
export function htmlDocument(title: string, head: readonly string[], anchors: readonly string[]): string {
  return [
    '<!DOCTYPE html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    `<meta name="pypi:repository-version" content="${apiVersion}">`,
    ...head,
    `<title>${escapeHtml(title)}</title>`,
    '</head>',
    '<body>',
    `<h1>${escapeHtml(title)}</h1>`,
    ...anchors,
    '</body>',
    '</html>',
    '',
  ].join('\n');
}

/** One line for each item, joined by the thousand: strings are finished while they are young, which halves the time of large pages. */
function linesOf<Item>(items: readonly Item[], line: (item: Item) => string): readonly string[] {
  const length = Math.ceil(items.length / 1_000);
  return Array.from({ length }, (_, index) =>
    items
      .slice(index * 1_000, (index + 1) * 1_000)
      .map(line)
      .join('\n'),
  );
}

/** One line. `attributes` is HTML and begins with a blank, or is empty. */
export function anchor(href: string, attributes: string, text: string): string {
  return `<a href="${escapeHtml(href)}"${attributes}>${escapeHtml(text)}</a><br>`;
}

function fileAnchor({ file, url, sha256, uploadTime }: ShownFile): string {
  const { metadata, yanked } = file;
  const requiresPython = file.requiresPython ?? metadata?.requiresPython;
  const requires = requiresPython ? ` data-requires-python="${escapeHtml(requiresPython)}"` : '';
  const sum = metadata?.sha256 === undefined ? 'true' : `sha256=${escapeHtml(metadata.sha256)}`;
  const core = metadata === undefined ? '' : ` data-core-metadata="${sum}" data-dist-info-metadata="${sum}"`;
  // Without a value, pip would not see that it is yanked.
  const yank = yanked === undefined ? '' : ` data-yanked="${escapeHtml(yanked)}"`;
  const time = uploadTime === undefined ? '' : ` data-upload-time="${uploadTime}"`;
  const size = file.sizeBytes === undefined ? '' : ` data-size="${file.sizeBytes}"`;
  const attributes = `${requires}${core}${yank}${time}${size}`;
  return anchor(sha256 === undefined ? url : `${url}#sha256=${sha256}`, attributes, file.fileName);
}

/** Text as part of HTML, in an attribute in quotes or between tags. */
function escapeHtml(text: string): string {
  if (/^[\w ./:#=%+~-]*$/.test(text)) return text;
  return (
    pageText(text)
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
      .replaceAll("'", '&#39;')
      // Parsers would turn a carriage return into a line feed.
      .replaceAll('\r', '&#13;')
      .replaceAll('\n', '&#10;')
      .replaceAll('\t', '&#9;')
  );
}
