import { counted, printable } from '@slipway/core';
import { joinKey } from './configuration.ts';
import { FindingList, indexFinding } from './findings.ts';
import type { IndexPlan, PlanInput, PlanStep } from './plan.ts';
import { externalNames, PageContents } from './plan-content.ts';
import { pageCopies } from './plan-copies.ts';
import { isOtherState, PrefixPages } from './plan-pages.ts';
import { prefixFingerprint } from './plan-state.ts';
import { isNormalizedProjectName } from './project-name.ts';
import { projectPages, type SelectedPrefix, type SelectedProject } from './selection.ts';
import { type PrefixState, prefixKey } from './state.ts';

/**
 * What is to be done so that a destination has the pages of a selection and nothing of its own that is left over. Pure: the same input
 * gives the same plan. A page of which something is not known stays as it is, and so do pages that somebody else made.
 */
export function planIndex(input: PlanInput): IndexPlan {
  return new Planner(input).plan();
}

/** Whether a page may be the root page of a subdirectory that has no files any more, and not that of a project. */
function isSubdirectory({ configuration }: SelectedPrefix, path: string, name: string): boolean {
  const { isMatch } = configuration.subdirectories;
  // Below a directory that matches, everything does.
  return isMatch(joinKey(path, name)) && (path === '' || !isMatch(path));
}

class Planner {
  readonly #input: PlanInput;
  readonly #contents: PageContents;
  readonly #findings = new FindingList();
  readonly #prefixes: readonly PrefixPages[];
  /** Directories with pages and those above them, where no project is. */
  readonly #taken = new Set<string>();

  constructor(input: PlanInput) {
    this.#input = input;
    this.#contents = new PageContents(input);
    this.#prefixes = input.selection.prefixes.map((prefix, index) => new PrefixPages(input, prefix, index));
    for (const { directories } of input.selection.prefixes) {
      for (const { pages } of directories) {
        for (
          let at = pages;
          at !== '' && !this.#taken.has(at);
          at = at.slice(0, Math.max(0, at.lastIndexOf('/')))
        ) {
          this.#taken.add(at);
        }
      }
    }
  }

  plan(): IndexPlan {
    this.#findings.addAll(this.#input.selection.findings);
    for (const pages of this.#prefixes) this.#planProjects(pages);
    if (this.#input.known.pages !== undefined) this.#findForeign(this.#input.known.pages);
    for (const pages of this.#prefixes) this.#planRoots(pages);
    return this.#assemble();
  }

  #planProjects(pages: PrefixPages): void {
    const { prefix } = pages;
    const external = externalNames(this.#input, prefix.configuration);
    for (const project of prefix.projects.values()) {
      if (project.project === '') continue;
      if (external.has(project.project)) this.#tellElsewhere(prefix, project);
      else if (this.#isMade(prefix, project.project)) this.#planProject(pages, project);
    }
    if (this.#input.scope === undefined) {
      for (const name of [...external].sort()) this.#planExternal(pages, name);
      for (const { directory, name, from } of pageCopies(prefix)) {
        if (!external.has(name)) this.#planCopy(pages, directory, name, from);
      }
    }
    pages.settle((project) => this.#isInScope(prefix, project));
  }

  /** Whether the pages of a project are made of files of the source. */
  #isMade({ configuration }: SelectedPrefix, project: string): boolean {
    return (
      !externalNames(this.#input, configuration).has(project) &&
      !configuration.copiedPages.some(({ names }) => names.has(project))
    );
  }

  /** Whether this run looks at a project. One for changed keys does not look at other indexes and other pages. */
  #isInScope(prefix: SelectedPrefix, project: string): boolean {
    const { scope } = this.#input;
    return scope === undefined || (scope.has(project) && this.#isMade(prefix, project));
  }

  #planProject(pages: PrefixPages, project: SelectedProject): void {
    const incomplete = this.#incompleteFiles(pages.prefix, project);
    for (const [directory, files] of projectPages(pages.prefix, project)) {
      if (files.some(({ source }) => incomplete.has(source.key))) pages.keep(directory, project.project);
      else this.#write(pages, directory, project.project);
    }
  }

  #write(pages: PrefixPages, directory: number, project: string): void {
    pages.write(directory, { kind: 'project', project }, (target) => this.#contents.bytes(target));
  }

  /** The keys of files without which no page of theirs can be made. */
  #incompleteFiles({ configuration }: SelectedPrefix, { files }: SelectedProject): ReadonlySet<string> {
    const incomplete = new Set<string>();
    for (const { source } of files) {
      const facts = this.#input.facts(source.key);
      if (facts === undefined) {
        this.#findings.add(
          indexFinding(
            'facts-missing',
            'its pages stay as they are: the store did not say what it is',
            source.key,
          ),
        );
        incomplete.add(source.key);
      } else if (facts.sha256 === null && configuration.hashes === 'required') {
        this.#findings.add(
          indexFinding(
            'hash-required',
            'its pages stay as they are: it has no SHA-256, which is required',
            source.key,
          ),
        );
        incomplete.add(source.key);
      } else if (facts.sha256 === null && configuration.hashes !== 'omit') {
        this.#findings.add(
          indexFinding('hash-missing', 'it has no SHA-256, so clients cannot check it', source.key),
        );
      }
    }
    return incomplete;
  }

  #tellElsewhere({ configuration }: SelectedPrefix, { project, files }: SelectedProject): void {
    this.#findings.add(
      indexFinding(
        'project-elsewhere',
        `${counted(files.length, 'file')} of "${project}" in "${printable(configuration.files)}" are on no page: the configuration takes the project from another index`,
        joinKey(configuration.pages, project),
      ),
    );
  }

  #planExternal(pages: PrefixPages, name: string): void {
    const isKnown = this.#input.external?.has(name) === true;
    if (!isKnown) {
      const key = joinKey(pages.prefix.configuration.pages, name);
      this.#findings.add(
        indexFinding(
          'external-missing',
          `the pages of "${name}" stay as they are: the other index could not be read`,
          key,
        ),
      );
    }
    for (const [directory, { hasPages, pages: at }] of pages.prefix.directories.entries()) {
      if (!hasPages || this.#taken.has(joinKey(at, name))) continue;
      if (isKnown) this.#write(pages, directory, name);
      else pages.keep(directory, name);
    }
  }

  #planCopy(pages: PrefixPages, directory: number, name: string, from: string): void {
    const page = this.#input.copied?.get(from);
    if (
      page === undefined ||
      this.#taken.has(joinKey(pages.prefix.directories[directory]?.pages ?? '', name))
    )
      return;
    if (!page.isRelative) {
      pages.copy(directory, name, from, page);
      return;
    }
    this.#findings.add(
      indexFinding('copied-page-relative', 'it is not copied: its relative links would lead elsewhere', from),
    );
    pages.keep(directory, name);
  }

  /** Lists projects that only have a page that somebody else made. */
  #findForeign(keys: ReadonlyMap<string, string>): void {
    const byDirectory = new Map(
      this.#prefixes.flatMap((pages) =>
        pages.prefix.directories.flatMap((directory, index) =>
          directory.hasPages && pages.prefix.configuration.kind === 'packages'
            ? [[directory.pages, { pages, index, path: directory.path }] as const]
            : [],
        ),
      ),
    );
    const vanishing = new Set(this.#prefixes.flatMap(({ deletions }) => deletions.map(({ key }) => key)));
    for (const key of keys.keys()) {
      const [, page = '', name = ''] = /^((?:.*\/)?([^/]+))\/index\.(?:html|json)$/.exec(key) ?? [];
      if (!isNormalizedProjectName(name) || this.#taken.has(page)) continue;
      const found = byDirectory.get(page.slice(0, Math.max(0, page.length - name.length - 1)));
      if (found === undefined) continue;
      const { pages, index, path } = found;
      if (vanishing.has(key) || isSubdirectory(pages.prefix, path, name)) continue;
      pages.names[index]?.add(name);
    }
  }

  #planRoots(pages: PrefixPages): void {
    const { prefix, known } = pages;
    const isListing = prefix.configuration.kind === 'listing';
    const { scope } = this.#input;
    for (const [directory, { path, hasPages }] of prefix.directories.entries()) {
      if (!hasPages || (isListing && scope !== undefined)) continue;
      const names = pages.names[directory] ?? new Set();
      if (scope !== undefined) {
        for (const name of known?.projects.get(path) ?? []) {
          if (!this.#isInScope(prefix, name)) names.add(name);
        }
      }
      pages.write(directory, { kind: isListing ? 'listing' : 'root' }, (target) =>
        this.#contents.bytes(target, [...names].sort()),
      );
    }
  }

  #assemble(): IndexPlan {
    const states = new Map<string, PrefixState>();
    const stateSteps: PlanStep[] = [];
    const planned: PrefixPages[] = [];
    for (const pages of this.#prefixes) {
      const { configuration } = pages.prefix;
      if (this.#isSuddenlyEmpty(pages)) {
        this.#findings.add(
          indexFinding(
            'prefix-empty',
            `nothing is changed: it has no file for a page, but pages; remove ${prefixKey(configuration.pages)} and the pages if that is right`,
            configuration.pages,
          ),
        );
        continue;
      }
      planned.push(pages);
      const state = this.#stateOf(pages);
      states.set(configuration.pages, state);
      const changes = pages.projectSteps.length + pages.rootSteps.length + pages.deletions.length;
      if (changes === 0 && !isOtherState(state, pages.known)) continue;
      stateSteps.push({
        kind: 'write-state',
        key: prefixKey(configuration.pages),
        prefix: configuration.pages,
        reason: changes > 0 ? 'pages change' : 'it says something else',
      });
    }
    const inOrder = <T extends { readonly key: string }>(steps: (pages: PrefixPages) => readonly T[]) =>
      planned.flatMap(steps).sort((a, b) => (a.key < b.key ? -1 : 1));
    return {
      steps: [
        ...inOrder((pages) => pages.projectSteps),
        ...inOrder((pages) => pages.rootSteps),
        ...inOrder((pages) => pages.deletions),
        ...stateSteps,
      ],
      unchanged: planned.reduce((sum, { unchanged }) => sum + unchanged, 0),
      states,
      findings: this.#findings.list(),
      findingCounts: this.#findings.counts(),
    };
  }

  #stateOf(pages: PrefixPages): PrefixState {
    const { directories, configuration } = pages.prefix;
    return {
      fingerprint: prefixFingerprint(this.#input.selection, configuration.pages, this.#input.destination),
      directories: directories.filter(({ hasFiles }) => hasFiles).map(({ path }) => path),
      projects: new Map(
        directories.flatMap(({ path, hasPages }, index) =>
          hasPages ? [[path, [...(pages.names[index] ?? [])].sort()] as const] : [],
        ),
      ),
      pages: pages.pages(),
    };
  }

  /** A wrong prefix, or rights that are missing, must not make an index empty that was not. */
  #isSuddenlyEmpty({ prefix, known, projectSteps, rootSteps, deletions }: PrefixPages): boolean {
    if (this.#input.scope !== undefined) return false;
    if ([...prefix.projects.values()].some(({ files }) => files.length > 0)) return false;
    const wasEmpty = known !== undefined && [...known.projects.values()].every((names) => names.length === 0);
    if (wasEmpty && prefix.configuration.kind === 'packages') return false;
    return (
      deletions.length > 0 || [...projectSteps, ...rootSteps].some(({ condition }) => condition !== 'absent')
    );
  }
}
