import { printable } from '@slipway/core';
import {
  type IndexFinding,
  indexFinding,
  normalizeProjectName,
  type PageReading,
  type PageSource,
  pageContentTypes,
  pageLimits,
  parseProjectPage,
  parseRootPage,
  type ReadFile,
  type ReadProjectPage,
  type ReadRootPage,
} from '@slipway/simple-index';
import { onlyInOne } from './check-project.ts';
import type { IndexReader, Trouble } from './check-reader.ts';

/** A way to ask for a page. */
export interface PageVariant {
  /** Behind the slash that ends the URL of a page. */
  readonly suffix: '' | 'index.html' | 'index.json';
  readonly accept?: string;
  /** What the page must be; otherwise its content type says it. */
  readonly format?: PageSource['format'];
}

/** In a store, every key that can hold a page. */
export const storeVariants: readonly PageVariant[] = [
  { suffix: 'index.html', format: 'html' },
  { suffix: 'index.json', format: 'json' },
  { suffix: '' },
];

/** Over HTTP, what pip and uv ask for, and JSON that lies beside a page in HTML. */
export const httpVariants: readonly PageVariant[] = [
  { suffix: '', accept: pageContentTypes.json, format: 'json' },
  { suffix: '', accept: 'text/html', format: 'html' },
  { suffix: 'index.json', format: 'json' },
];

/** A page in one of its variants. */
export interface PageCopy<Page> {
  readonly variant: PageVariant;
  readonly url: string;
  readonly format: PageSource['format'];
  /** Undefined if clients cannot use it. */
  readonly page: Page | undefined;
}

export interface PagesReading<Page> {
  readonly copies: readonly PageCopy<Page>[];
  /** Variants that are not there, with the reason. */
  readonly missing: readonly { readonly variant: PageVariant; readonly trouble: Trouble }[];
  readonly findings: readonly IndexFinding[];
  /** The page of a project is one that lists projects. */
  readonly isRoot: boolean;
}

export interface PagesRequest {
  readonly reader: IndexReader;
  /** Ends in a slash. */
  readonly url: string;
  readonly variants: readonly PageVariant[];
  readonly maxBytes: number;
  readonly keyOf: (url: string) => string;
}

/** Reads the pages that list the projects of a directory. */
export function readRootPages(request: PagesRequest): Promise<PagesReading<ReadRootPage>> {
  return readPages(request, parseRootPage, () => false);
}

/** Reads the pages of a project. */
export function readProjectPages(request: PagesRequest): Promise<PagesReading<ReadProjectPage>> {
  return readPages(request, parseProjectPage, listsProjects);
}

async function readPages<Page extends object>(
  { reader, url, variants, maxBytes, keyOf }: PagesRequest,
  parse: (source: PageSource, limits: typeof pageLimits) => PageReading<Page>,
  isRootPage: (source: PageSource, reading: PageReading<Page>) => boolean,
): Promise<PagesReading<Page>> {
  const copies: PageCopy<Page>[] = [];
  const missing: { variant: PageVariant; trouble: Trouble }[] = [];
  const findings: IndexFinding[] = [];
  let isRoot = false;
  for (const variant of variants) {
    const { suffix, accept } = variant;
    // Who gives JSON when asked for it has no need of a file beside the page.
    if (
      suffix !== '' &&
      copies.some((copy) => copy.variant.accept !== undefined && copy.format === variant.format)
    )
      continue;
    const answer = await reader.readWhole(url + suffix, {
      maxBytes,
      ...(accept === undefined ? {} : { accept }),
    });
    if (answer.kind !== 'found') {
      missing.push({ variant, trouble: answer });
      continue;
    }
    const { value } = answer;
    const key = keyOf(url + suffix);
    const said = formatOf(value.contentType, variant);
    // Consoles of S3 make such an object for a directory.
    if (said === undefined && suffix === '' && value.bytes.length === 0) continue;
    if (said === undefined || (suffix !== '' && said !== variant.format)) {
      findings.push(
        indexFinding(
          'page-content-type',
          `clients ignore the page: its content type is "${printable(value.contentType ?? '', 100)}"`,
          key,
        ),
      );
    }
    const format = (suffix === '' ? said : variant.format) ?? formatOfBytes(value.bytes);
    // A server that knows one format gives it whatever it is asked for.
    if (format !== (variant.format ?? format)) {
      missing.push({ variant, trouble: { kind: 'missing', reason: 'is given in another format' } });
      continue;
    }
    const source: PageSource = { url: value.url, format, bytes: value.bytes };
    const reading = parse(source, { ...pageLimits, maxBytes });
    if (isRootPage(source, reading)) {
      isRoot = true;
      continue;
    }
    findings.push(...reading.findings.map((found) => ofPage(found, key)));
    if (reading.page !== undefined && isProjectReading(reading.page))
      findings.push(...linkFindings(source, reading.page, key));
    copies.push({ variant, url: value.url, format, page: reading.page });
  }
  return { copies, missing, findings, isRoot };
}

function isProjectReading(page: object): page is ReadProjectPage {
  return 'files' in page;
}

/** A finding about a page, whose messages follow the names of files. */
function ofPage({ code, severity, key, message }: IndexFinding, pageKey: string): IndexFinding {
  return indexFinding(code, key === undefined ? message : `${key}: ${message}`, pageKey, severity);
}

function formatOf(
  contentType: string | undefined,
  { format }: PageVariant,
): PageSource['format'] | undefined {
  if (contentType === pageContentTypes.json) return 'json';
  if (contentType === 'text/html' || contentType === 'application/vnd.pypi.simple.v1+html') return 'html';
  // Stores of files keep no content types.
  return contentType === undefined ? format : undefined;
}

function formatOfBytes(bytes: Uint8Array): PageSource['format'] {
  return /^\s*\{/.test(new TextDecoder().decode(bytes.subarray(0, 100))) ? 'json' : 'html';
}

function listsProjects(source: PageSource, { page }: PageReading<ReadProjectPage>): boolean {
  if (page !== undefined && page.files.length > 0) return false;
  const root = parseRootPage(source);
  return (
    root.page !== undefined &&
    root.page.projects.length > 0 &&
    root.findings.every(({ code }) => code !== 'page-link')
  );
}

/** Deeper than any page's links climb by mistake. */
const movedPrefix = '/m/o/v/e/d/b/y/a/c/h/e/c/k';

/** Links that lead elsewhere when the index moves below a path, found by moving it. */
function linkFindings(source: PageSource, { files }: ReadProjectPage, key: string): readonly IndexFinding[] {
  const { pathname } = new URL(source.url);
  const moved = parseProjectPage({ ...source, url: `https://moved.invalid${movedPrefix}${pathname}` }).page
    ?.files;
  if (moved === undefined) return [];
  let rooted: string | undefined;
  let rootedCount = 0;
  const findings: IndexFinding[] = [];
  moved.forEach(({ url, fileName }, index) => {
    const at = new URL(url);
    if (
      at.host !== 'moved.invalid' ||
      at.pathname === movedPrefix + new URL(files[index]?.url ?? url).pathname
    )
      return;
    if (at.pathname.startsWith('/m/')) {
      findings.push(
        indexFinding(
          'page-link-climbs',
          `${printable(fileName)}: its relative link climbs above the root`,
          key,
        ),
      );
      return;
    }
    rooted ??= fileName;
    rootedCount += 1;
  });
  if (rooted !== undefined) {
    findings.push(
      indexFinding(
        'page-link-rooted',
        `${printable(rooted)}${rootedCount === 1 ? '' : ` and ${rootedCount - 1} more`}: the link begins with "/", which breaks below a path and in file://`,
        key,
      ),
    );
  }
  return findings;
}

/** How the root pages of a directory differ; undefined if they do not. */
export function rootDifference(copies: readonly PageCopy<ReadRootPage>[]): string | undefined {
  const lists = copies
    .filter(({ page }) => page !== undefined)
    .map(({ page, format }) => ({ format, names: new Set(page?.projects.map(normalizeProjectName)) }));
  const [first] = lists;
  for (const other of lists.slice(1)) {
    if (first === undefined) break;
    const name = onlyInOne(first.names, other.names);
    if (name !== undefined)
      return `the project ${printable(name)} is on the page in ${first.names.has(name) ? first.format : other.format} and not on that in ${first.names.has(name) ? other.format : first.format}`;
  }
  return undefined;
}

/** How the pages of a project differ; undefined if they do not. */
export function projectDifference(copies: readonly PageCopy<ReadProjectPage>[]): string | undefined {
  const [first, ...others] = copies.filter(({ page }) => page !== undefined);
  if (first?.page === undefined) return undefined;
  const files = byName(first.page.files);
  for (const { page, format } of others) {
    const otherFiles = byName(page?.files ?? []);
    for (const [name, file] of files) {
      const other = otherFiles.get(name);
      if (other === undefined) return `${printable(name)} is not on the page in ${format}`;
      const field = differingField(file, other);
      if (field !== undefined)
        return `${printable(name)} has another ${field} in ${format} than in ${first.format}`;
    }
    for (const name of otherFiles.keys())
      if (!files.has(name)) return `${printable(name)} is not on the page in ${first.format}`;
  }
  return undefined;
}

function byName(files: readonly ReadFile[]): ReadonlyMap<string, ReadFile> {
  return new Map(files.map((file) => [file.fileName, file]));
}

/** Links in HTML have room for one hash, and need neither size nor time. */
function differingField(one: ReadFile, other: ReadFile): string | undefined {
  if (one.url !== other.url) return 'URL';
  if (hashesDiffer(one.hashes, other.hashes)) return 'hash';
  if (one.requiresPython !== other.requiresPython) return 'Requires-Python';
  if (one.yanked !== other.yanked) return 'state of being yanked';
  if ((one.metadataHashes === undefined) !== (other.metadataHashes === undefined)) return 'METADATA';
  if (hashesDiffer(one.metadataHashes ?? new Map(), other.metadataHashes ?? new Map()))
    return 'hash of METADATA';
  const bothDiffer = (a: number | undefined, b: number | undefined): boolean =>
    a !== undefined && b !== undefined && a !== b;
  if (bothDiffer(one.sizeBytes, other.sizeBytes)) return 'size';
  return bothDiffer(one.uploadedAtMs, other.uploadedAtMs) ? 'time of upload' : undefined;
}

function hashesDiffer(one: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>): boolean {
  if ((one.size === 0) !== (other.size === 0)) return true;
  return [...one].some(([name, value]) => other.has(name) && other.get(name) !== value);
}

/** The files of all copies of a page, each once; JSON says most. */
export function filesOf(copies: readonly PageCopy<ReadProjectPage>[]): readonly ReadFile[] {
  const files = new Map<string, ReadFile>();
  const jsonFirst = copies.toSorted((a, b) => Number(b.format === 'json') - Number(a.format === 'json'));
  for (const { page } of jsonFirst)
    for (const file of page?.files ?? []) {
      const id = `${file.fileName}\n${file.url}`;
      if (!files.has(id)) files.set(id, file);
    }
  return [...files.values()];
}
