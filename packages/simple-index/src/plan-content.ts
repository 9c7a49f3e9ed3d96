import {
  type FileRule,
  joinKey,
  linkStyle,
  type PageFormat,
  type PrefixConfiguration,
} from './configuration.ts';
import type { IndexedFile, ProjectPage } from './files.ts';
import { renderProjectHtml, renderRootHtml } from './html-page.ts';
import { renderProjectJson, renderRootJson } from './json-page.ts';
import { renderListingHtml } from './listing-page.ts';
import type { PageSources, PageTarget } from './plan.ts';
import { fileNameOf, projectPages, type SelectedFile, type SelectedPrefix } from './selection.ts';
import type { FileFacts } from './state.ts';
import { publicVersionOrder, versionOrder } from './versions.ts';

/** The names of external projects that a prefix has. */
export function externalNames({ selection }: PageSources, prefix: PrefixConfiguration): ReadonlySet<string> {
  const known = namesOf.get(prefix);
  if (known !== undefined) return known;
  const names = new Set(
    selection.configuration.external
      .filter(({ prefixes }) => prefix.kind === 'packages' && (prefixes?.includes(prefix.pages) ?? true))
      .flatMap((external) => external.names),
  );
  namesOf.set(prefix, names);
  return names;
}

/** A prefix is part of one configuration. */
const namesOf = new WeakMap<PrefixConfiguration, ReadonlySet<string>>();

/**
 * Makes the bytes of pages, before compression. The pages of one project should be asked for one after the other. Returns undefined for
 * the page of a project that has none.
 */
export class PageContents {
  readonly #sources: PageSources;
  /** The files of the last project, of which most pages have the same. */
  #last: { readonly name: string; readonly pages: ReadonlyMap<number, readonly IndexedFile[]> } | undefined;

  constructor(sources: PageSources) {
    this.#sources = sources;
  }

  /** `projects` are those that a root page lists. */
  bytes(target: PageTarget, projects: readonly string[] = []): Uint8Array | undefined {
    const prefix = this.#sources.selection.prefixes[target.prefix];
    const directory = prefix?.directories[target.directory];
    if (prefix === undefined || directory === undefined) return undefined;
    if (target.kind === 'root') {
      const page = { projects };
      return utf8(target.format === 'html' ? renderRootHtml(page) : renderRootJson(page));
    }
    if (target.kind === 'listing') {
      const files = this.#listed(prefix, target.directory).map(({ source }) => source);
      const links = linkStyle(prefix.configuration, this.#destination());
      return utf8(renderListingHtml({ directory: directory.pages, files, links }));
    }
    return this.#project(prefix, target, target.project ?? '');
  }

  #listed(prefix: SelectedPrefix, directory: number): readonly SelectedFile[] {
    const listing = prefix.projects.get('');
    return listing === undefined ? [] : (projectPages(prefix, listing).get(directory) ?? []);
  }

  #project(prefix: SelectedPrefix, target: PageTarget, name: string): Uint8Array | undefined {
    const { configuration } = prefix;
    const external = externalNames(this.#sources, configuration).has(name)
      ? this.#sources.external?.get(name)
      : undefined;
    const files = external?.files ?? this.#files(prefix, target.prefix, name).get(target.directory);
    if (files === undefined) return undefined;
    const page: ProjectPage = {
      project: name,
      directory: joinKey(prefix.directories[target.directory]?.pages ?? '', name),
      files,
      links: linkStyle(configuration, this.#destination(), name),
      hashes: external === undefined ? configuration.hashes : 'available',
      status: configuration.status.get(name) ?? external?.status,
    };
    return utf8(renderers[target.format](page));
  }

  #files(prefix: SelectedPrefix, index: number, name: string): ReadonlyMap<number, readonly IndexedFile[]> {
    const id = `${index} ${name}`;
    if (this.#last?.name === id) return this.#last.pages;
    const project = prefix.projects.get(name);
    const indexed = new Map<SelectedFile, IndexedFile>();
    for (const file of project?.files ?? []) {
      const facts = this.#sources.facts(file.source.key);
      if (facts !== undefined) indexed.set(file, indexedFile(file, facts, prefix.configuration));
    }
    const pages = new Map<number, readonly IndexedFile[]>();
    for (const [directory, files] of project === undefined ? [] : projectPages(prefix, project)) {
      const known = files.flatMap((file) => indexed.get(file) ?? []);
      // Never half a page.
      if (known.length === files.length) pages.set(directory, known);
    }
    this.#last = { name: id, pages };
    return pages;
  }

  #destination() {
    const { selection, destination } = this.#sources;
    return destination === undefined ? undefined : selection.configuration.destinations[destination];
  }
}

const renderers: Readonly<Record<PageFormat, (page: ProjectPage) => string>> = {
  html: renderProjectHtml,
  json: renderProjectJson,
};

function indexedFile(
  { source, project, version }: SelectedFile,
  facts: FileFacts,
  { yanked, requiresPython }: PrefixConfiguration,
): IndexedFile {
  const fileName = fileNameOf(source.key);
  const isMatch = ruleTest(fileName, project, version);
  const { metadata } = facts;
  return {
    key: source.key,
    sizeBytes: source.sizeBytes,
    etag: source.etag,
    modifiedAtMs: source.modifiedAtMs,
    fileName,
    project,
    version,
    uploadedAtMs: facts.uploadedAtMs,
    sha256: facts.sha256 ?? undefined,
    metadata:
      metadata === null
        ? undefined
        : { sha256: metadata.sha256 ?? undefined, requiresPython: metadata.requiresPython ?? undefined },
    requiresPython: requiresPython.find(isMatch)?.specifier,
    yanked: yanked.find(isMatch)?.reason,
  };
}

/** Whether a rule is about a file. A version without a local part is about all of its local versions (PEP 440). */
function ruleTest(fileName: string, project: string, version: string): (rule: FileRule) => boolean {
  return (rule) => {
    if (rule.kind === 'name') return rule.isMatch(fileName);
    if (rule.project !== project) return false;
    const order = rule.version.includes('+') ? versionOrder : publicVersionOrder;
    return order(rule.version) === order(version);
  };
}

function utf8(text: string): Uint8Array {
  return Buffer.from(text, 'utf8');
}
