import { type ArchiveEntry, fillTemplate } from '@slipway/archive';
import { pathGlob } from '@slipway/local-files';
import { checkEntries, type PlanProblem } from './entry-checks.ts';
import { type NamedSource, nameEntries } from './entry-names.ts';
import type { Inputs } from './inputs.ts';
import type { Observed, ObservedArchive } from './observe.ts';
import { ruleFor, rulesFor } from './rules.ts';

export type WriteStep = {
  readonly kind: 'write-archive';
  readonly name: string;
  readonly platform: string | undefined;
  readonly minimumBytes: number | undefined;
  readonly maximumBytes: number | undefined;
  /** In the order of their names. */
  readonly entries: readonly ArchiveEntry[];
};

/** Archives are put in place together, once all of them are written and checked. */
export type Step = WriteStep | { readonly kind: 'put-in-place'; readonly names: readonly string[] };

export interface Plan {
  readonly steps: readonly Step[];
}

export type PlanInputs = Pick<
  Inputs,
  | 'universal'
  | 'universalLayout'
  | 'platforms'
  | 'topDirectory'
  | 'readmeName'
  | 'fields'
  | 'executable'
  | 'requiredEntries'
  | 'minimumSize'
  | 'maximumSize'
  | 'portableNames'
>;

/** Which archives have which entries, and everything that is wrong with them. Pure. */
export function plan(
  { archives, template, outputPaths }: Omit<Observed, 'notices'>,
  given: PlanInputs,
): { readonly plan: Plan; readonly problems: readonly PlanProblem[] } {
  const problems: PlanProblem[] = [];
  const files = archives.map((archive) => ({
    name: archive.name,
    sources: archiveSources(archive, given, problems),
  }));
  if (given.universal !== undefined)
    files.push({ name: given.universal, sources: universalSources(files, given) });
  const steps = files.map(({ name, sources }): WriteStep => {
    const platform = ruleFor(given.platforms, name);
    const named = withReadme(name, platform, sources, template, given, problems);
    const top = given.topDirectory ? `${stemOf(name)}/` : '';
    const placed = named.map(({ entry, path }) => ({ path, entry: { ...entry, name: top + entry.name } }));
    problems.push(...checkEntries(placed, { archive: name, platform, outputPaths, given, top }));
    return {
      kind: 'write-archive',
      name,
      platform,
      minimumBytes: ruleFor(given.minimumSize, name),
      maximumBytes: ruleFor(given.maximumSize, name),
      entries: placed.map(({ entry }) => entry).sort((a, b) => (a.name < b.name ? -1 : 1)),
    };
  });
  return {
    plan: { steps: [...steps, { kind: 'put-in-place', names: steps.map(({ name }) => name) }] },
    problems,
  };
}

function archiveSources(
  { name: archive, sources }: ObservedArchive,
  given: PlanInputs,
  problems: PlanProblem[],
): readonly NamedSource[] {
  const executable = rulesFor(given.executable, archive).flat().map(pathGlob);
  const isExecutable = (name: string): boolean => executable.some((matches) => matches(name));
  const named = sources.flatMap((source) => {
    const entries = nameEntries(source, isExecutable);
    if (entries !== undefined) return entries;
    problems.push({
      code: 'input-invalid',
      archive,
      what: `would have ${source.found.length} files of "${source.path}" under the same name "${source.target}": end it with a slash to put them into a directory`,
    });
    return [];
  });
  return withoutRepetitions(named);
}

/** The files of all archives together; one with the same name in several archives is included once. */
function universalSources(
  archives: readonly { readonly name: string; readonly sources: readonly NamedSource[] }[],
  { universalLayout }: PlanInputs,
): readonly NamedSource[] {
  return withoutRepetitions(
    archives.flatMap(({ name, sources }) =>
      universalLayout === 'flat'
        ? sources
        : sources.map(({ entry, path }) => ({
            path,
            entry: { ...entry, name: `${stemOf(name)}/${entry.name}` },
          })),
    ),
  );
}

/** Includes a file that several globs match only once. */
function withoutRepetitions(named: readonly NamedSource[]): readonly NamedSource[] {
  const seen = new Map<string, NamedSource>();
  for (const source of named) {
    const key = JSON.stringify([source.entry.name, source.path]);
    const other = seen.get(key);
    // Executable in one archive is executable in all of them together.
    if (other === undefined || (source.entry.kind === 'file' && source.entry.executable))
      seen.set(key, source);
  }
  return [...seen.values()];
}

function withReadme(
  archive: string,
  platform: string | undefined,
  sources: readonly NamedSource[],
  template: string | undefined,
  { readmeName, fields }: PlanInputs,
  problems: PlanProblem[],
): readonly NamedSource[] {
  if (template === undefined || readmeName === undefined) return sources;
  const known = new Map(fields.map(({ name, value }) => [name, value]));
  known.set('archive', archive);
  known.set('platform', platform ?? 'all');
  known.set(
    'files',
    sources
      .map(({ entry }) => entry.name)
      .sort()
      .join('\n'),
  );
  try {
    const text = fillTemplate(template, known);
    const source = { kind: 'text', text } as const;
    return [
      ...sources,
      { path: 'readme-template', entry: { name: readmeName, kind: 'file', executable: false, source } },
    ];
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    problems.push({
      code: 'input-invalid',
      archive,
      what: `cannot get its README from the template: ${why}`,
    });
    return sources;
  }
}

/** `macos.zip` without its ending. */
function stemOf(name: string): string {
  return name.slice(0, -'.zip'.length);
}
