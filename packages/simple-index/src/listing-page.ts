import type { ListingPage } from './files.ts';
import { anchor, htmlDocument } from './html-page.ts';
import { linksFrom } from './page-links.ts';

/**
 * The HTML page of a flat list of files. The text of each line is the encoded path from the directory, `cu118/libtorch-…%2Bcu118.zip`:
 * scripts append it to the URL of the directory.
 */
export function renderListingHtml(page: ListingPage): string {
  const link = linksFrom(page.directory, page.links);
  const path = linksFrom(page.directory, { kind: 'relative' });
  const keys = page.files
    .map(({ key }) => ({ key, text: path(key) }))
    .sort((a, b) => (a.text < b.text ? -1 : 1));
  return htmlDocument(
    `Files of ${page.directory}`,
    [],
    keys.map(({ key, text }) => anchor(link(key), '', text)),
  );
}
