import { keyProblem, printable } from '@slipway/core';
import { type IndexConfiguration, joinKey, type PrefixConfiguration } from './configuration.ts';
import { type DistributionName, parseFileName, type RefusedName } from './file-names.ts';
import type { SourceFile } from './files.ts';
import { FindingList, indexFinding } from './findings.ts';
import {
  fileNameOf,
  projectPages,
  type SelectedFile,
  type SelectedPrefix,
  type SelectedProject,
  type Selection,
} from './selection.ts';
import { type DirectoryRole, DirectoryRoles, selectedDirectories } from './selection-directories.ts';
import { publicVersionOrder } from './versions.ts';

export const metadataSuffix = '.metadata';
/** So many UTF-16 code units are never more bytes than a key may have. */
const maxPlainCharacters = 341;

/** A file before all directories are known, and so have numbers. */
interface Placed extends Omit<SelectedFile, 'directory'> {
  directory: number;
}

/** What is gathered about one prefix. */
interface Gathered {
  readonly configuration: PrefixConfiguration;
  /** Paths of directories with files, numbered as they appear. */
  readonly paths: Map<string, number>;
  readonly projects: Map<string, Placed[]>;
}

/** Directories that are known without a listing, by the directory of the prefix's pages. */
export type KnownDirectories = ReadonlyMap<string, readonly string[]>;

/**
 * Decides which objects belong to which pages, one object after the other and in any order, in a time that grows with their
 * number alone. `known` are directories that have files which are not added: those of a run that looks at some projects only.
 */
export class FileSelector {
  readonly #configuration: IndexConfiguration;
  readonly #roles: DirectoryRoles;
  readonly #gathered: readonly Gathered[];
  readonly #metadata = new Map<string, { etag: string; sizeBytes: number }>();
  readonly #findings = new FindingList();
  readonly #versions = new Map<string, string>();
  #objects = 0;
  /** The directory of the last object: listings go through one after the other. */
  #last: { readonly directory: string; readonly role: DirectoryRole } | undefined;

  constructor(configuration: IndexConfiguration, known: KnownDirectories = new Map()) {
    this.#configuration = configuration;
    this.#roles = new DirectoryRoles(configuration.prefixes);
    this.#gathered = configuration.prefixes.map((prefix) => ({
      configuration: prefix,
      paths: new Map((known.get(prefix.pages) ?? []).map((path, index) => [path, index])),
      projects: new Map(),
    }));
  }

  /** Looks at an object of the source. */
  add(file: SourceFile): void {
    this.#objects += 1;
    const { key } = file;
    const slash = key.lastIndexOf('/');
    const role = this.#roleOf(slash === -1 ? '' : key.slice(0, slash));
    if (role.refusal !== undefined) this.#refuseDirectory(key, role.refusal);
    if (role.places.length === 0) return;
    const fileName = key.slice(slash + 1);
    if (fileName.endsWith(metadataSuffix)) {
      this.#metadata.set(key.slice(0, -metadataSuffix.length), {
        etag: file.etag,
        sizeBytes: file.sizeBytes,
      });
      return;
    }
    let name: DistributionName | RefusedName | undefined;
    for (const { prefix, path } of role.places) {
      const gathered = this.#gathered[prefix];
      if (gathered === undefined || !hasExtension(fileName, gathered.configuration.extensions)) continue;
      const problem = isPlain(key, fileName) ? undefined : keyProblem(key);
      if (problem !== undefined) {
        this.#findings.add(indexFinding('key-hostile', `no page can name it: ${problem}`, key));
        continue;
      }
      const directory = gathered.paths.get(path) ?? gathered.paths.size;
      gathered.paths.set(path, directory);
      if (!gathered.configuration.isIncluded(path === '' ? fileName : `${path}/${fileName}`)) continue;
      if (gathered.configuration.kind === 'listing') {
        place(gathered, { source: file, project: '', version: '', directory });
      } else {
        name ??= parseFileName(fileName);
        this.#placeDistribution(gathered, file, name, directory);
      }
    }
  }

  /** What the objects come to. Call it once, after the last. */
  finish(): Selection {
    const directories = this.#gathered.map(({ configuration, paths }) =>
      selectedDirectories(configuration, new Set(paths.keys())),
    );
    const taken = new TakenDirectories(
      directories.flatMap((one) => one.directories.map(({ pages }) => pages)),
    );
    return {
      configuration: this.#configuration,
      prefixes: this.#gathered.map((gathered, index) => this.#select(gathered, directories[index], taken)),
      metadata: this.#metadata,
      findings: this.#findings,
      objects: this.#objects,
    };
  }

  #roleOf(directory: string): DirectoryRole {
    if (this.#last?.directory !== directory) this.#last = { directory, role: this.#roles.of(directory) };
    return this.#last.role;
  }

  #refuseDirectory(key: string, problem: string): void {
    const fileName = fileNameOf(key);
    if (!this.#gathered.some(({ configuration }) => hasExtension(fileName, configuration.extensions))) return;
    this.#findings.add(indexFinding('key-hostile', `no page can name its directory: ${problem}`, key));
  }

  #placeDistribution(
    gathered: Gathered,
    source: SourceFile,
    name: DistributionName | RefusedName,
    directory: number,
  ): void {
    if (name.kind === 'refused') {
      this.#findings.add(indexFinding('name-refused', `it is left out: ${name.reason}`, source.key));
      return;
    }
    if (gathered.configuration.allowList?.has(name.project) === false) return;
    for (const doubt of name.doubts) {
      this.#findings.add(
        doubt === 'version-unknown'
          ? indexFinding(
              'version-unknown',
              'no client takes it: PEP 440 does not know its version',
              source.key,
            )
          : indexFinding('name-hidden-from-pip', 'pip does not take it: its name has "__"', source.key),
      );
    }
    // One string a version, not one a file, which would be a slice that holds the whole key.
    const version = this.#versions.get(name.version) ?? name.version;
    this.#versions.set(version, version);
    place(gathered, { source, project: name.project, version, directory });
  }

  #select(
    { configuration, paths, projects }: Gathered,
    numbered: ReturnType<typeof selectedDirectories> | undefined,
    taken: TakenDirectories,
  ): SelectedPrefix {
    const { directories = [], indexes } = numbered ?? {};
    const renumbered = [...paths.keys()].map((path) => indexes?.get(path) ?? 0);
    const selected = new Map<string, SelectedProject>();
    for (const project of [...projects.keys()].sort()) {
      const files = projects.get(project) ?? [];
      for (const file of files) file.directory = renumbered[file.directory] ?? 0;
      const isKept = keptVersions(files, configuration.keep);
      const shown = isKept === undefined ? files : files.filter(({ version }) => isKept(version));
      const hidden = isKept === undefined ? [] : files.filter(({ version }) => !isKept(version));
      const collisions = taken.collisions(project, directories);
      const one = { project, files: shown, hidden, collisions };
      selected.set(project, one);
      if (collisions.size > 0) this.#tellCollisions(one, directories);
    }
    return { configuration, directories, projects: selected };
  }

  #tellCollisions(project: SelectedProject, directories: SelectedPrefix['directories']): void {
    const pages = projectPages({ directories }, { ...project, collisions: new Set() });
    for (const index of project.collisions) {
      if (!pages.has(index)) continue;
      const directory = directories[index]?.pages ?? '';
      this.#findings.add(
        indexFinding(
          'project-collision',
          `the project "${project.project}" is left out of "${printable(directory)}", where its page would be that of a directory`,
          joinKey(directory, project.project),
        ),
      );
    }
  }
}

/** Directories that have pages, where no project may have its own. */
class TakenDirectories {
  readonly #directories: ReadonlySet<string>;
  readonly #names: ReadonlySet<string>;

  constructor(directories: readonly string[]) {
    this.#directories = new Set(directories);
    this.#names = new Set(directories.map(fileNameOf));
  }

  collisions(project: string, directories: SelectedPrefix['directories']): ReadonlySet<number> {
    // Hardly any project has the name of any directory.
    if (!this.#names.has(project)) return new Set();
    return new Set(
      directories.flatMap(({ pages }, index) =>
        this.#directories.has(joinKey(pages, project)) ? [index] : [],
      ),
    );
  }
}

/** Whether nothing is wrong with a key in a directory that is right, for nearly all keys: `keyProblem` takes longer. */
function isPlain(key: string, fileName: string): boolean {
  return key.length <= maxPlainCharacters && /^[\x21-\x5b\x5d-\x7e]+$/.test(fileName);
}

/** Whether a file name ends with an extension, and has something before it. */
export function hasExtension(fileName: string, extensions: readonly string[]): boolean {
  return extensions.some((extension) => fileName.length > extension.length && fileName.endsWith(extension));
}

function place({ projects }: Gathered, file: Placed): void {
  const files = projects.get(file.project);
  if (files === undefined) projects.set(file.project, [file]);
  else files.push(file);
}

/** Which versions are among the most recent ones; undefined if all are. */
function keptVersions(
  files: readonly SelectedFile[],
  keep: number | undefined,
): ((version: string) => boolean) | undefined {
  if (keep === undefined) return undefined;
  const orders = new Set(files.map(({ version }) => publicVersionOrder(version)));
  if (orders.size <= keep) return undefined;
  const kept = new Set([...orders].sort().slice(-keep));
  return (version) => kept.has(publicVersionOrder(version));
}
