import {
  FileSelector,
  type IndexConfiguration,
  parseConfiguration,
  projectPages,
  type Selection,
} from '../src/index.ts';

export function configurationOf(value: unknown): IndexConfiguration {
  const result = parseConfiguration(value);
  if ('problems' in result) throw new Error(result.problems.join('\n'));
  return result.configuration;
}

export function select(
  prefixes: readonly object[],
  keys: readonly string[],
  views: readonly object[] = [],
): Selection {
  const selector = new FileSelector(configurationOf({ format: 1, prefixes, views }));
  for (const key of keys) selector.add({ key, sizeBytes: 1, etag: `"${key}"`, modifiedAtMs: 0 });
  return selector.finish();
}

/** `directory: project: file names`, as pages have them. */
export function pagesOf(
  selection: Selection,
): Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> {
  const pages: Record<string, Record<string, string[]>> = {};
  for (const prefix of selection.prefixes) {
    for (const directory of prefix.directories) if (directory.hasPages) pages[directory.pages] = {};
    for (const project of prefix.projects.values()) {
      for (const [index, files] of projectPages(prefix, project)) {
        const page = pages[prefix.directories[index]?.pages ?? ''];
        if (page !== undefined) page[project.project] = files.map(({ source }) => source.key).sort();
      }
    }
  }
  return pages;
}

export const findings = (selection: Selection) =>
  selection.findings.list().map(({ code, key, message }) => `${code} ${key}: ${message}`);

export const wheel = (name: string, version = '1.0') => `${name}-${version}-py3-none-any.whl`;
export const patterns = { match: ['cu[0-9]*', 'rocm+([0-9]).[0-9]*', 'cpu*', 'xpu*'] };
