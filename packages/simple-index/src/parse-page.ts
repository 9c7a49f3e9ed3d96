import { PageValues } from './page-values.ts';
import { parseProjectHtml, parseRootHtml } from './parse-html.ts';
import { parseProjectJson, parseRootJson } from './parse-json.ts';
import {
  type PageLimits,
  type PageReading,
  type PageSource,
  pageLimits,
  type ReadProjectPage,
  type ReadRootPage,
  UnreadablePage,
} from './read-page.ts';

/**
 * Reads the page of a project (PEP 503 and 691, with 592, 629, 658, 700, 714 and 792) as pip and uv would, and collects what
 * either of them trips over. Entries of no use are left out with a finding. Throws `TypeError` if `source.url` is not a URL.
 */
export function parseProjectPage(
  source: PageSource,
  limits: PageLimits = pageLimits,
): PageReading<ReadProjectPage> {
  return read(source, limits, (values) =>
    source.format === 'json'
      ? parseProjectJson(source.bytes, values, limits)
      : parseProjectHtml(decoded(source.bytes), values, limits),
  );
}

/** Reads the page that lists projects, likewise. */
export function parseRootPage(
  source: PageSource,
  limits: PageLimits = pageLimits,
): PageReading<ReadRootPage> {
  return read(source, limits, (values) =>
    source.format === 'json'
      ? parseRootJson(source.bytes, values, limits)
      : parseRootHtml(decoded(source.bytes), values, limits),
  );
}

function read<Page>(
  source: PageSource,
  limits: PageLimits,
  parse: (values: PageValues) => Page,
): PageReading<Page> {
  const values = new PageValues(source);
  let page: Page | undefined;
  try {
    if (source.bytes.length > limits.maxBytes)
      throw new UnreadablePage(`it is larger than ${limits.maxBytes} bytes`);
    page = parse(values);
  } catch (error) {
    if (!(error instanceof UnreadablePage)) throw error;
    values.report('page-unreadable', `pip and uv cannot use the page: ${error.message}`);
  }
  return { page, findings: values.findings() };
}

function decoded(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new UnreadablePage('it is not UTF-8');
  }
}
