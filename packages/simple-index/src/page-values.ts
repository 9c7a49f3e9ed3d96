import { printable } from '@slipway/core';
import type { ProjectStatus } from './files.ts';
import { FindingList, type IndexFinding, type IndexFindingCode, indexFinding } from './findings.ts';
import { type PageSource, UnreadablePage } from './read-page.ts';

/** The highest minor version of the API that this code knows. */
const knownMinor = 4;
/** How many hexadecimal digits the sums of Python's guaranteed hash functions have. */
const digestDigits: ReadonlyMap<string, number> = new Map([
  ['md5', 32],
  ['sha1', 40],
  ['sha224', 56],
  ['sha256', 64],
  ['sha384', 96],
  ['sha512', 128],
]);
const statuses = ['active', 'archived', 'quarantined', 'deprecated'] as const;

/** Reads the values that HTML and JSON share, and collects what is wrong with them. */
export class PageValues {
  readonly #findings = new FindingList();
  readonly #names = new Set<string>();
  readonly #base: URL;

  constructor(source: PageSource) {
    this.#base = new URL(source.url);
  }

  findings(): readonly IndexFinding[] {
    return this.#findings.list();
  }

  /** `message` quotes no text of the page that is not `printable`. */
  report(code: IndexFindingCode, message: string, key?: string): void {
    this.#findings.add(indexFinding(code, message, key === undefined ? undefined : printable(key)));
  }

  /** Throws `UnreadablePage` if clients must refuse the version (PEP 629). */
  apiVersion(text: string | undefined): string {
    if (text === undefined) {
      this.report(
        'page-version',
        'the page does not say which version of the API it has, so clients take it for 1.0',
      );
      return '1.0';
    }
    const [, major, minor] = /^(\d{1,9})\.(\d{1,9})$/.exec(text) ?? [];
    if (major !== '1') {
      throw new UnreadablePage(
        `its version of the API is "${printable(text, 40)}", and clients know only 1.x`,
      );
    }
    if (Number(minor) > knownMinor) {
      this.report(
        'page-version',
        `the page has version ${text} of the API: what is newer than 1.${knownMinor} is not looked at`,
      );
    }
    return text;
  }

  /** A link of the page, made absolute; undefined if clients cannot follow it. */
  link(href: string, base: URL = this.#base): URL | undefined {
    const url = URL.parse(href, base.href);
    const isKnown = url !== null && ['http:', 'https:', 'file:', this.#base.protocol].includes(url.protocol);
    if (!isKnown) {
      this.report('page-link', `the link "${printable(href, 200)}" leads nowhere`);
      return undefined;
    }
    return url;
  }

  /** The decoded last segment of a URL; undefined if it has none. */
  lastSegment(url: URL): string | undefined {
    try {
      const name = decodeURIComponent(url.pathname.slice(url.pathname.lastIndexOf('/') + 1));
      if (name !== '') return name;
    } catch {
      // Not UTF-8 when decoded.
    }
    this.report('page-link', `the link "${printable(url.href, 200)}" does not end in the name of a file`);
    return undefined;
  }

  /** Sums by name; those that cannot be right are left out. */
  hashes(pairs: Iterable<readonly [string, unknown]>, key: string): ReadonlyMap<string, string> {
    const hashes = new Map<string, string>();
    for (const [given, value] of pairs) {
      const name = given.toLowerCase();
      const digits = digestDigits.get(name);
      const isSum = typeof value === 'string' && /^(?:[0-9a-f]{2}){1,128}$/i.test(value);
      if (isSum && (digits === undefined || value.length === digits)) hashes.set(name, value.toLowerCase());
      else
        this.report(
          'page-hash',
          `its hash ${printable(name, 40)} is not a ${printable(name, 40)} in hexadecimal digits`,
          key,
        );
    }
    return hashes;
  }

  status(status: unknown, reason: unknown): ProjectStatus | undefined {
    if (status === undefined && reason === undefined) return undefined;
    const known = statuses.find((name) => name === status);
    if (known === undefined || (reason !== undefined && typeof reason !== 'string')) {
      this.report(
        'page-value',
        `the status of the project is not one of ${statuses.join(', ')}, or its reason is not text`,
      );
      return undefined;
    }
    return { status: known, ...(reason === undefined ? {} : { reason }) };
  }

  /** `2026-11-28T09:00:00Z` with up to six digits of a second (PEP 700). */
  uploadedAtMs(text: string, key: string): number | undefined {
    const ms = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z$/.test(text) ? Date.parse(text) : Number.NaN;
    // A 30th of February would move to March.
    if (!Number.isNaN(ms) && new Date(ms).toISOString().slice(0, 19) === text.slice(0, 19)) return ms;
    this.report(
      'page-value',
      `its upload time "${printable(text, 60)}" is not a time in UTC as PEP 700 writes it`,
      key,
    );
    return undefined;
  }

  /** Notes that the page has a file of this name; clients that see two choose either. */
  fileSeen(fileName: string): void {
    if (this.#names.has(fileName)) {
      this.report('page-file-twice', 'the page has two links to a file of this name', fileName);
    }
    this.#names.add(fileName);
  }
}
