import type {
  CopiedPages,
  DestinationConfiguration,
  ExternalConfiguration,
  IndexConfiguration,
  PageFormat,
  PageLayout,
  PrefixConfiguration,
  StoreAddress,
} from './configuration.ts';
import { type FileReader, PartReader } from './configuration-parts.ts';
import { configurationSchema } from './configuration-schema.ts';
import type { ProjectStatus } from './files.ts';
import { normalizeProjectName } from './project-name.ts';
import { propertyPath, schemaProblems } from './schema-check.ts';

/** Options of a prefix as they are written, with defaults; the schema has checked them. */
interface GivenOptions {
  readonly kind?: 'packages' | 'listing';
  readonly subdirectories?: {
    readonly match?: readonly string[];
    readonly names?: readonly string[];
    readonly exclude?: readonly string[];
  };
  readonly 'own-pages'?: PrefixConfiguration['ownPages'];
  readonly extensions?: readonly string[];
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly 'allow-list'?: unknown;
  readonly keep?: number;
  readonly hashes?: PrefixConfiguration['hashes'];
  readonly links?: PrefixConfiguration['links'];
  readonly 'base-url'?: unknown;
  readonly layout?: PageLayout;
  readonly formats?: readonly PageFormat[];
  readonly gzip?: boolean;
  readonly 'cache-control'?: string;
  readonly 'copied-pages'?: readonly { readonly names: readonly string[]; readonly from?: string }[];
  readonly yanked?: Readonly<Record<string, string>>;
  readonly 'requires-python'?: Readonly<Record<string, string>>;
  readonly status?: Readonly<Record<string, ProjectStatus>>;
}

interface GivenStore {
  readonly url: string;
  readonly 'endpoint-url'?: string;
  readonly region?: string;
  readonly 'base-url'?: unknown;
}

interface Given {
  readonly source?: GivenStore;
  readonly destinations?: readonly GivenStore[];
  readonly defaults?: GivenOptions;
  readonly prefixes: readonly (GivenOptions & { readonly prefix: string })[];
  readonly views?: readonly (GivenOptions & { readonly page: string; readonly files: string })[];
  readonly external?: readonly {
    readonly names: readonly string[];
    readonly index?: string;
    readonly prefixes?: readonly string[];
    readonly retain?: boolean;
  }[];
}

/** Options that mean nothing to a listing. */
const packageOptions = [
  'allow-list',
  'keep',
  'hashes',
  'layout',
  'formats',
  'gzip',
  'copied-pages',
  'yanked',
  'requires-python',
  'status',
] as const;

/**
 * Reads a configuration of format 1 from a plain object, as YAML or JSON has it. `read` gives files that it names, such as
 * allow lists. Returns all problems at once, each with its path.
 */
export function parseConfiguration(
  value: unknown,
  read: FileReader = () => undefined,
): { readonly configuration: IndexConfiguration } | { readonly problems: readonly string[] } {
  const wrong = schemaProblems(configurationSchema, value);
  if (wrong.length > 0) return { problems: wrong };
  const given = value as Given;
  const parts = new PartReader(read);
  const source = given.source === undefined ? undefined : readStore(parts, given.source, 'source');
  const defaults = given.defaults ?? {};
  const prefixes = [
    ...given.prefixes.map(({ prefix, ...options }, index) =>
      readPrefix(parts, { pages: prefix, files: prefix }, { defaults, options }, `prefixes[${index}]`),
    ),
    ...(given.views ?? []).map(({ page, files, ...options }, index) =>
      readPrefix(parts, { pages: page, files }, { defaults, options }, `views[${index}]`),
    ),
  ];
  const configuration: IndexConfiguration = {
    source,
    destinations: (given.destinations ?? []).map((store, index) =>
      readDestination(parts, store, `destinations[${index}]`),
    ),
    prefixes,
    external: (given.external ?? []).map((one, index) => {
      const path = `external[${index}]`;
      return readExternal(parts, one, path, prefixes);
    }),
  };
  checkDirectories(parts, prefixes, given.prefixes.length);
  checkExternal(parts, configuration.external);
  return parts.problems.length > 0 ? { problems: [...new Set(parts.problems)] } : { configuration };
}

function readStore(parts: PartReader, given: GivenStore, path: string): StoreAddress {
  const endpoint = given['endpoint-url'];
  return {
    url: given.url,
    endpointUrl: endpoint === undefined ? undefined : parts.url(endpoint, `${path}.endpoint-url`),
    region: given.region,
  };
}

function readDestination(parts: PartReader, given: GivenStore, path: string): DestinationConfiguration {
  return {
    ...readStore(parts, given, path),
    baseUrls: parts.baseUrls(given['base-url'], `${path}.base-url`),
  };
}

function readExternal(
  parts: PartReader,
  given: NonNullable<Given['external']>[number],
  path: string,
  known: readonly PrefixConfiguration[],
): ExternalConfiguration {
  for (const [index, prefix] of (given.prefixes ?? []).entries()) {
    if (!known.some(({ pages, kind }) => pages === prefix && kind === 'packages')) {
      parts.problem(`${path}.prefixes[${index}]`, 'is not the directory of a prefix or view with packages');
    }
  }
  return {
    names: [...new Set(given.names.map(normalizeProjectName))],
    index: `${parts.url(given.index ?? 'https://pypi.org/simple/', `${path}.index`)}/`,
    prefixes: given.prefixes,
    retain: given.retain ?? false,
  };
}

/** A run knows a project of another index by its name alone. */
function checkExternal(parts: PartReader, external: readonly ExternalConfiguration[]): void {
  const known = new Map<string, number>();
  for (const [index, { names }] of external.entries()) {
    for (const name of names) {
      const first = known.get(name);
      if (first === undefined) known.set(name, index);
      else parts.problem(`external[${index}].names`, `has "${name}", which external[${first}] has as well`);
    }
  }
}

function readPrefix(
  parts: PartReader,
  directories: { readonly pages: string; readonly files: string },
  layers: { readonly defaults: GivenOptions; readonly options: GivenOptions },
  path: string,
): PrefixConfiguration {
  const given: GivenOptions = { ...layers.defaults, ...layers.options };
  /** Where an option was written. */
  const at = (name: keyof GivenOptions) =>
    `${Object.hasOwn(layers.options, name) ? path : 'defaults'}.${name}`;
  const isView = directories.pages !== directories.files;
  const kind = given.kind ?? 'packages';
  parts.directory(directories.pages, isView ? `${path}.page` : `${path}.prefix`);
  if (isView) parts.directory(directories.files, `${path}.files`);
  const useless = packageOptions.filter((name) => Object.hasOwn(layers.options, name));
  if (kind === 'listing' && useless.length > 0) {
    parts.problem(path, `is a listing, which has no ${useless.join(', ')}`);
  }
  const layout = given.layout ?? 'index-files';
  if (given.gzip === true && layout === 'index-files') {
    parts.problem(at('gzip'), 'is about objects of the layouts slash-keys and both, not of index-files');
  }
  const isExcluded = parts.globs(given.exclude ?? [], at('exclude'));
  const isListed = given.include === undefined ? () => true : parts.globs(given.include, at('include'));
  const allowList = parts.allowList(given['allow-list'], at('allow-list'));
  return {
    ...directories,
    kind,
    subdirectories: readSubdirectories(parts, given.subdirectories ?? {}, at('subdirectories')),
    ownPages: given['own-pages'] ?? 'with-own-files',
    extensions: (given.extensions ?? ['whl', 'tar.gz', 'zip']).map((extension) => `.${extension}`),
    isIncluded: (key) => isListed(key) && !isExcluded(key),
    allowList,
    keep: given.keep,
    hashes: given.hashes ?? 'available',
    links: given.links ?? 'relative',
    baseUrls: parts.baseUrls(given['base-url'], at('base-url')),
    layout,
    formats: [...new Set<PageFormat>(given.formats ?? ['html', 'json'])],
    gzip: given.gzip ?? false,
    cacheControl: given['cache-control'] ?? 'no-cache',
    copiedPages: (given['copied-pages'] ?? []).map((one, index) =>
      readCopiedPages(parts, one, `${at('copied-pages')}[${index}]`),
    ),
    yanked: Object.entries(given.yanked ?? {}).map(([text, reason]) => ({
      ...parts.fileRule(text, propertyPath(at('yanked'), text)),
      reason,
    })),
    requiresPython: Object.entries(given['requires-python'] ?? {}).map(([text, specifier]) => ({
      ...parts.fileRule(text, propertyPath(at('requires-python'), text)),
      specifier,
    })),
    status: new Map(
      Object.entries(given.status ?? {}).map(([name, status]) => [normalizeProjectName(name), status]),
    ),
    text: textOf({
      ...directories,
      ...given,
      'allow-list': allowList === undefined ? null : [...allowList].sort(),
    }),
  };
}

function readSubdirectories(
  parts: PartReader,
  given: NonNullable<GivenOptions['subdirectories']>,
  path: string,
): PrefixConfiguration['subdirectories'] {
  const isMatch = parts.directoryGlobs(given.match ?? [], `${path}.match`);
  const isExcluded = parts.directoryGlobs(given.exclude ?? [], `${path}.exclude`);
  const names = [...new Set(given.names ?? [])].map((name, index) =>
    parts.directory(name, `${path}.names[${index}]`),
  );
  return { isMatch: (directory) => isMatch(directory) && !isExcluded(directory), names };
}

function readCopiedPages(
  parts: PartReader,
  given: { readonly names: readonly string[]; readonly from?: string },
  path: string,
): CopiedPages {
  if (given.from !== undefined) parts.directory(given.from, `${path}.from`);
  return { names: new Set(given.names.map(normalizeProjectName)), from: given.from };
}

/** No two prefixes or views write the same page. */
function checkDirectories(parts: PartReader, prefixes: readonly PrefixConfiguration[], count: number): void {
  const owners = new Map<string, string>();
  const claim = (directory: string, path: string): void => {
    const owner = owners.get(directory);
    if (owner === undefined) owners.set(directory, path);
    else parts.problem(path, `has its pages in the directory of ${owner}, "${directory}"`);
  };
  const paths = prefixes.map((_, index) =>
    index < count ? `prefixes[${index}]` : `views[${index - count}]`,
  );
  for (const [index, { pages }] of prefixes.entries()) claim(pages, paths[index] ?? '');
  for (const [index, { pages, subdirectories }] of prefixes.entries()) {
    for (const name of subdirectories.names) {
      claim(pages === '' ? name : `${pages}/${name}`, `${paths[index]}.subdirectories.names "${name}"`);
    }
  }
}

/** JSON with keys in order. */
function textOf(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
