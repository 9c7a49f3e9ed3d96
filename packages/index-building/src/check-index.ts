import { createHash } from 'node:crypto';
import { encodeKey, mapConcurrently, type ProgressPort, printable, UserError } from '@slipway/core';
import { FindingList, type IndexFinding, indexFinding, normalizeProjectName } from '@slipway/simple-index';
import { type CheckedFile, FileChecks, type MetadataRead } from './check-files.ts';
import { HttpReader } from './check-http.ts';
import type { CheckInput, CheckOptions, CheckResult, FileSample } from './check-input.ts';
import {
  filesOf,
  httpVariants,
  type PagesReading,
  type PagesRequest,
  type PageVariant,
  projectDifference,
  readProjectPages,
  readRootPages,
  rootDifference,
  storeVariants,
} from './check-pages.ts';
import {
  OverwrittenFiles,
  reportNames,
  reportRequirements,
  reportVersions,
  versionGroups,
} from './check-project.ts';
import {
  CheckBudget,
  type CheckLimits,
  checkLimits,
  type IndexReader,
  type Trouble,
} from './check-reader.ts';
import { StoreReader } from './check-store.ts';

const defaultConcurrency = 16;
const defaultSample = { count: 20, seed: 'slipway' };
/** Stands for a store whose public URL nobody gave; the domain never exists (RFC 6761). */
const storeUrl = 'https://store.invalid/';

/**
 * Checks a package index, whoever made it: pages, in every format, links, hashes, METADATA (PEP 503, 592, 629, 658, 691, 700, 714,
 * 792). What is wrong with the index is a finding, also where it cannot be read. Throws `UserError` `input-invalid` for a URL or
 * directory that cannot be one, and what the store throws beside `RemoteError`.
 */
export async function checkIndex(input: CheckInput, options: CheckOptions = {}): Promise<CheckResult> {
  return new IndexCheck(input, options).run();
}

interface ProjectPlace {
  readonly project: string;
  /** Of its page; ends in a slash. */
  readonly url: string;
  readonly variants: readonly PageVariant[];
}

class IndexCheck {
  readonly #findings = new FindingList();
  readonly #limits: CheckLimits;
  readonly #budget: CheckBudget;
  readonly #reader: IndexReader;
  readonly #baseUrl: string;
  readonly #variants: readonly PageVariant[];
  readonly #directories: readonly string[];
  readonly #sample: FileSample;
  readonly #concurrency: number;
  readonly #progress: ProgressPort;
  readonly #overwritten: OverwrittenFiles;
  readonly #files: CheckedFile[] = [];
  readonly #checks: FileChecks;
  #pages = 0;
  #listed = 0;
  #limitReached: string | undefined;

  constructor({ index, http, clock, progress }: CheckInput, options: CheckOptions) {
    this.#limits = { ...checkLimits, ...options.limits };
    this.#budget = new CheckBudget(this.#limits, () => clock.nowMs());
    this.#progress = progress;
    this.#concurrency = options.concurrency ?? defaultConcurrency;
    this.#sample = options.sample ?? defaultSample;
    const url = index.kind === 'url' ? index.url : (index.baseUrl ?? storeUrl);
    this.#baseUrl = baseUrlOf(url);
    const { internalOrigins } = options;
    const isPublic = index.kind === 'url' || index.baseUrl !== undefined;
    const httpReader =
      http &&
      new HttpReader(http, {
        budget: this.#budget,
        internalOrigins,
        ...(isPublic ? { indexUrl: new URL(this.#baseUrl) } : {}),
        ...(index.kind === 'url' ? { headers: index.headers } : {}),
      });
    if (index.kind === 'store') {
      this.#reader = new StoreReader(index.store, this.#baseUrl, httpReader, this.#budget);
      this.#variants = storeVariants;
    } else {
      if (httpReader === undefined)
        throw new UserError('input-invalid', 'an index at a URL needs an HTTP client');
      this.#reader = httpReader;
      this.#variants = httpVariants;
    }
    this.#directories = [...new Set((options.directories ?? ['']).map((one) => this.#directoryUrl(one)))];
    this.#overwritten = new OverwrittenFiles(this.#findings);
    this.#checks = new FileChecks(this.#reader, this.#findings, (one) => this.#keyOf(one));
  }

  async run(): Promise<CheckResult> {
    this.#progress.start('read the pages of directories', this.#directories.length, 'entries');
    const places = new Map<string, ProjectPlace>();
    for (const url of this.#directories) {
      for (const place of await this.#readDirectory(url)) places.set(place.url, place);
      this.#progress.advance(1);
    }
    const projects = [...places.values()];
    this.#progress.start('read the pages of projects', projects.length, 'entries');
    const read = await mapConcurrently(projects, this.#concurrency, async (place) => {
      const files = await this.#readProject(place);
      this.#progress.advance(1);
      return files;
    });
    for (const file of read.flat()) {
      this.#overwritten.add(file);
      this.#files.push(file);
    }
    const filesFound = await this.#followLinks();
    const metadata = await this.#readMetadata();
    const filesRead = await this.#readFiles(metadata);
    const limit = this.#budget.spent ?? this.#limitReached;
    if (limit !== undefined) {
      this.#add(
        'page-check-incomplete',
        `the check ended after ${limit}: what it did not look at may be wrong`,
      );
    }
    return {
      findings: this.#findings.list(),
      counts: Object.fromEntries(this.#findings.counts()),
      isComplete: limit === undefined,
      directories: this.#directories.length,
      projects: new Set(projects.map(({ project }) => project)).size,
      pages: this.#pages,
      files: this.#files.length,
      filesFound,
      filesRead,
      metadataRead: metadata.size,
      requests: this.#budget.requests,
      bytesRead: this.#budget.bytesRead,
    };
  }

  async #readDirectory(url: string): Promise<readonly ProjectPlace[]> {
    const reading = await readRootPages(this.#request(url, this.#variants));
    const { copies } = reading;
    this.#note(reading);
    if (copies.length === 0) {
      this.#trouble(url, 'the page that lists projects', reading.missing[0]?.trouble);
      return [];
    }
    const difference = rootDifference(copies);
    if (difference !== undefined) this.#add('page-formats-differ', difference, url);
    const names = new Set(copies.flatMap(({ page }) => page?.projects.map(normalizeProjectName) ?? []));
    const variants = copies.map(({ variant }) => variant);
    const places: ProjectPlace[] = [];
    for (const project of names) {
      const projectUrl = `${url}${project}/`;
      if (this.#directories.includes(projectUrl)) this.#collision(project, projectUrl);
      else places.push({ project, url: projectUrl, variants });
    }
    return places;
  }

  async #readProject({ project, url, variants }: ProjectPlace): Promise<readonly CheckedFile[]> {
    if (this.#pages + variants.length > this.#limits.maxPages) {
      this.#limitReached ??= `${this.#limits.maxPages} pages`;
      return [];
    }
    const reading = await readProjectPages(this.#request(url, variants));
    if (reading.isRoot) {
      this.#collision(project, url);
      return [];
    }
    const { copies, missing } = reading;
    this.#note(reading);
    if (copies.length === 0) {
      this.#trouble(url, `the page of ${project}, which the list of projects names,`, missing[0]?.trouble);
      return [];
    }
    for (const { variant, trouble } of missing) {
      this.#trouble(
        url + variant.suffix,
        `the page of ${project} as ${variant.format ?? 'an object'}`,
        trouble,
        'warning',
      );
    }
    const difference = projectDifference(copies);
    if (difference !== undefined) this.#add('page-formats-differ', difference, url);
    for (const { page, url: pageUrl } of copies) {
      if (page?.name !== undefined && normalizeProjectName(page.name) !== project)
        this.#add('page-project-other', `the page says that it is of ${printable(page.name, 100)}`, pageUrl);
    }
    const pageKey = this.#keyOf(url);
    const files = filesOf(copies).map((file): CheckedFile => ({ ...file, pageKey }));
    reportNames(files, project, this.#findings);
    reportVersions(files, this.#findings);
    const room = this.#limits.maxFiles - this.#listed;
    if (files.length > room) this.#limitReached ??= `${this.#limits.maxFiles} files`;
    this.#listed += files.length;
    return files.slice(0, Math.max(0, room));
  }

  /** Returns how many files are there. Two pages that link to one file ask for it once. */
  async #followLinks(): Promise<number> {
    const byUrl = Map.groupBy(this.#files, ({ url }) => url);
    this.#progress.start('follow links', byUrl.size, 'entries');
    const found = await mapConcurrently([...byUrl.values()], this.#concurrency, async ([file]) => {
      this.#progress.advance(1);
      return this.#budget.spent === undefined && file !== undefined && (await this.#checks.checkLink(file));
    });
    return found.filter(Boolean).length;
  }

  /** By the URL of the file. */
  async #readMetadata(): Promise<ReadonlyMap<string, MetadataRead>> {
    const read = new Map<string, MetadataRead>();
    const groups = [...versionGroups(this.#files)].map(([id, files]) => ({ id, files }));
    const wanted = this.#seeded(groups, ({ id }) => id)
      .flatMap(({ files }) => files)
      .filter(({ metadataHashes }) => metadataHashes !== undefined);
    const once = [...new Map(wanted.map((file) => [file.url, file])).values()];
    const { maxMetadataFiles } = this.#limits;
    if (once.length > maxMetadataFiles) this.#limitReached ??= `${maxMetadataFiles} METADATA files`;
    this.#progress.start('read METADATA', Math.min(once.length, maxMetadataFiles), 'entries');
    await mapConcurrently(once.slice(0, maxMetadataFiles), this.#concurrency, async (file) => {
      this.#progress.advance(1);
      if (this.#budget.spent !== undefined) return;
      const metadata = await this.#checks.checkMetadata(file);
      if (metadata !== undefined) read.set(file.url, metadata);
    });
    for (const { files } of groups) reportRequirements(files, read, this.#findings);
    return read;
  }

  /** Returns how many were read whole. */
  async #readFiles(metadata: ReadonlyMap<string, MetadataRead>): Promise<number> {
    const once = [...new Map(this.#files.map((file) => [file.url, file])).values()];
    const sample = this.#sample;
    const chosen =
      sample === 'all' ? once : this.#seeded(once, ({ url }) => this.#keyOf(url)).slice(0, sample.count);
    this.#progress.start('read files', chosen.length, 'entries');
    const read = await mapConcurrently(chosen, this.#concurrency, async (file) => {
      this.#progress.advance(1);
      if (this.#budget.spent !== undefined) return false;
      const sizeBytes = await this.#checks.checkBytes(file);
      if (sizeBytes !== undefined) await this.#checks.checkWheel(file, sizeBytes, metadata.get(file.url));
      return sizeBytes !== undefined;
    });
    return read.filter(Boolean).length;
  }

  /** In an order that depends on the seed and the items alone, not on the order of pages. */
  #seeded<Item>(items: readonly Item[], idOf: (item: Item) => string): readonly Item[] {
    const seed = this.#sample === 'all' ? '' : this.#sample.seed;
    return items
      .map((item) => ({
        item,
        rank: createHash('sha256')
          .update(`${seed}\n${idOf(item)}`)
          .digest('hex'),
      }))
      .sort((a, b) => (a.rank < b.rank ? -1 : 1))
      .map(({ item }) => item);
  }

  #request(url: string, variants: readonly PageVariant[]): PagesRequest {
    const { maxPageBytes } = this.#limits;
    return { reader: this.#reader, url, variants, maxBytes: maxPageBytes, keyOf: (one) => this.#keyOf(one) };
  }

  #note({ copies, findings }: PagesReading<unknown>): void {
    this.#pages += copies.length;
    for (const finding of findings) this.#findings.add(finding);
  }

  #collision(project: string, url: string): void {
    this.#add(
      'project-collision',
      `the page of ${project} is that of a directory: clients find no files on it`,
      url,
    );
  }

  #trouble(
    url: string,
    what: string,
    trouble: Trouble | undefined,
    severity?: IndexFinding['severity'],
  ): void {
    const { kind, reason } = trouble ?? { kind: 'missing', reason: 'is not there' };
    if (kind === 'missing') this.#add('page-missing', `${what} ${reason}`, url, severity);
    else
      this.#add(kind === 'internal' ? 'page-link-internal' : 'page-link-unchecked', `${what} ${reason}`, url);
  }

  #add(code: IndexFinding['code'], message: string, url?: string, severity?: IndexFinding['severity']): void {
    this.#findings.add(
      indexFinding(code, message, url === undefined ? undefined : this.#keyOf(url), severity),
    );
  }

  #directoryUrl(directory: string): string {
    if (directory === '') return this.#baseUrl;
    const isPlain = directory.split('/').every((one) => one !== '' && one !== '.' && one !== '..');
    if (!isPlain || !directory.isWellFormed())
      throw new UserError('input-invalid', `"${printable(directory)}" is not a directory below the index`);
    return `${this.#baseUrl}${encodeKey(directory)}/`;
  }

  /** A path below the index; of URLs elsewhere without what may be secret. */
  #keyOf(url: string): string {
    const { origin, pathname, host, protocol } = new URL(url);
    const base = new URL(this.#baseUrl);
    if (origin !== base.origin || !pathname.startsWith(base.pathname))
      return printable(`${protocol}//${host}${pathname}`);
    const path = pathname.slice(base.pathname.length);
    try {
      return printable(decodeURIComponent(path));
    } catch {
      return printable(path);
    }
  }
}

function baseUrlOf(text: string): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new UserError('input-invalid', 'the index must be an http:// or https:// URL');
  if (url.username !== '' || url.password !== '' || /[?#]/.test(text)) {
    throw new UserError(
      'input-invalid',
      'the URL of the index must have no user name, password, query or fragment',
    );
  }
  return url.href.endsWith('/') ? url.href : `${url.href}/`;
}
