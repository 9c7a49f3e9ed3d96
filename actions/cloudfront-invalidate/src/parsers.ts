import { type InvalidationTarget, isSafeEndpoint, parseCacheTag, parseInvalidationPath } from '@slipway/aws';
import { parseEach } from '@slipway/runner';

const maxUrlCharacters = 4096;

/** What must be served, and where: a URL, or a path under the CDN's URL and the prefix. */
export interface Proof {
  readonly place:
    | { readonly kind: 'url'; readonly url: string }
    | { readonly kind: 'path'; readonly name: string };
  readonly sha256: string;
  readonly sizeBytes?: number | undefined;
}

/** Throws an `Error` for what cannot be the ID of a distribution, such as its domain name. */
export function parseDistributionId(text: string): string {
  if (!/^[A-Z0-9]{1,64}$/.test(text)) {
    throw new Error('it is no ID of a distribution, which has capital letters and digits alone');
  }
  return text;
}

/** Paths, one a line; `# ` begins a comment. Throws one `Error` that names every line that is none. */
export function parsePaths(text: string): readonly InvalidationTarget[] {
  return eachOf(linesOf(text), (line) => {
    if (line.startsWith('#'))
      throw new Error('cache tags belong into cache-tags; a comment begins with "# "');
    return parseInvalidationPath(line);
  });
}

/** Cache tags, one a line, with or without their `#`. Throws one `Error` that names every line that is none. */
export function parseTags(text: string): readonly string[] {
  return [...new Set(eachOf(linesOf(text), parseCacheTag))].sort();
}

/** `URL SHA-256` or `path SHA-256`, one a line. Throws one `Error` that names every line that is neither. */
export function parseProofs(text: string): readonly Proof[] {
  return eachOf(linesOf(text), (line) => {
    const [, place = '', sha256 = ''] = /^(\S.*?)\s+([0-9a-f]{64})$/i.exec(line) ?? [];
    if (place === '') throw new Error('it is no URL or path with a SHA-256 of 64 hex digits after it');
    return { place: parsePlace(place), sha256: sha256.toLowerCase() };
  });
}

/** The URL of a CDN without a slash at its end. Throws an `Error` for what is none. */
export function parseBaseUrl(text: string): string {
  return parseUrl(text).href.replace(/\/+$/, '');
}

/** A URL whose bytes can be proven. Throws an `Error` that says why it is none, and repeats nothing of it. */
export function parseUrl(text: string): URL {
  const url = text.length > maxUrlCharacters ? null : URL.parse(text);
  if (url === null) throw new Error('it is no URL');
  if (!isSafeEndpoint(url.href)) {
    throw new Error('it must be an https:// URL (http:// for this machine alone) without user and password');
  }
  // What is in a query may be secret, and it may go around the cache.
  if (/[?#]/.test(text)) throw new Error('it has a query or a fragment');
  return url;
}

/** A path that is no wildcard, decoded; a slash in front may be left out. Throws an `Error`. */
export function parseProofPath(text: string): string {
  const { kind, name } = parseInvalidationPath(text.startsWith('/') ? text : `/${text}`);
  if (kind === 'prefix') throw new Error('a wildcard cannot be proven');
  return name;
}

function parsePlace(text: string): Proof['place'] {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return { kind: 'url', url: parseUrl(text).href };
  return { kind: 'path', name: parseProofPath(text) };
}

function linesOf(text: string): readonly string[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && line !== '#' && !line.startsWith('# '));
}

/** As `parseEach`, without what could be a secret in names that are URLs. */
export function eachOf<Item, Parsed>(
  items: readonly Item[],
  parse: (item: Item) => Parsed,
  nameOf: (item: Item) => string = String,
): readonly Parsed[] {
  return parseEach(items, parse, (item) => shown(nameOf(item)));
}

/** A line as it may be printed: what could be a secret in a URL is left out. */
function shown(line: string): string {
  return line.replace(/\/\/[^/\s]*@/, '//…@').replace(/\?.*/, '?…');
}
