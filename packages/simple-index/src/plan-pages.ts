import { createHash } from 'node:crypto';
import { isBelow, joinKey } from './configuration.ts';
import { gzipPage, pageContentTypes } from './page-bytes.ts';
import {
  type CopiedPage,
  mayBePage,
  type PageCondition,
  type PageTarget,
  type PlanInput,
  type PlanStep,
} from './plan.ts';
import { type PageObject, pageObjects } from './plan-keys.ts';
import type { SelectedPrefix } from './selection.ts';
import { type PageState, type PrefixState, pageDigest, sha256Of } from './state.ts';

type PageStep = Extract<PlanStep, { kind: 'write-page' | 'copy-page' }>;
type Unconditional<T> = T extends unknown ? Omit<T, 'condition' | 'reason'> : never;

/** Compares the pages of one prefix with those that a destination has, and gathers what is to be done about them. */
export class PrefixPages {
  readonly prefix: SelectedPrefix;
  readonly known: PrefixState | undefined;
  /** Of pages of projects. */
  readonly projectSteps: PageStep[] = [];
  /** Of pages that list projects or files. */
  readonly rootSteps: PageStep[] = [];
  readonly deletions: Extract<PlanStep, { kind: 'delete-page' }>[] = [];
  /** The projects that each directory lists. */
  readonly names: readonly Set<string>[];
  unchanged = 0;
  /** How many pages of projects the prefix should have, but for those that stay because nobody knows what they should be. */
  projectPages = 0;
  readonly #index: number;
  readonly #listed: ReadonlyMap<string, string> | undefined;
  readonly #wanted = new Set<string>();
  readonly #pages = new Map<string, PageState>();

  constructor(input: PlanInput, prefix: SelectedPrefix, index: number) {
    this.prefix = prefix;
    this.#index = index;
    this.known = input.known.states.get(prefix.configuration.pages);
    this.#listed = input.known.pages;
    this.names = prefix.directories.map(() => new Set());
  }

  /** The ETag of a page that is there. */
  etag(key: string): string | undefined {
    return this.#listed === undefined ? this.known?.pages.get(key)?.etag : this.#listed.get(key);
  }

  /** The page of a project in a directory, or the root page of a directory. `bytes` makes each format once. */
  write(
    directory: number,
    target: Pick<PageTarget, 'kind' | 'project'>,
    bytes: (target: PageTarget) => Uint8Array | undefined,
  ): void {
    const made = new Map<string, { readonly content: Uint8Array; readonly sha256: string } | undefined>();
    for (const object of this.#objects(directory, target.project)) {
      const page: PageTarget = { prefix: this.#index, directory, ...target, format: object.format };
      if (!made.has(object.format)) {
        const content = bytes(page);
        made.set(object.format, content && { content, sha256: sha256Of(content) });
      }
      const one = made.get(object.format);
      if (one === undefined) continue;
      const { content, sha256 } = one;
      const { format: _, ...stored } = object;
      const step = { kind: 'write-page' as const, page, sizeBytes: content.length, sha256, ...stored };
      this.#consider(
        { ...step, cacheControl: this.prefix.configuration.cacheControl },
        target.kind === 'project' ? this.projectSteps : this.rootSteps,
        () => md5Of(object.gzip ? gzipPage(content) : content),
      );
    }
    if (target.project === undefined) return;
    this.projectPages += 1;
    this.names[directory]?.add(target.project);
  }

  /** The page of a project that lies elsewhere in the source. */
  copy(directory: number, project: string, from: string, page: CopiedPage): void {
    const key = joinKey(joinKey(this.#directory(directory), project), 'index.html');
    const step = {
      kind: 'copy-page' as const,
      key,
      from,
      fromEtag: page.etag,
      sizeBytes: page.sizeBytes,
      sha256: page.sha256,
      contentType: pageContentTypes.html,
      gzip: false,
      cacheControl: this.prefix.configuration.cacheControl,
    };
    // A store that has MD5 as ETags has the same one for the same bytes.
    this.#consider(step, this.projectSteps, () => bareEtag(page.etag));
    this.projectPages += 1;
    this.names[directory]?.add(project);
  }

  /** Leaves the page of a project as it is, whatever it is: what it should be is not known. */
  keep(directory: number, project: string): void {
    for (const { key } of this.#objects(directory, project)) {
      this.#wanted.add(key);
      const etag = this.etag(key);
      if (etag === undefined) continue;
      this.names[directory]?.add(project);
      const known = this.known?.pages.get(key);
      if (known?.etag === etag) this.#pages.set(key, known);
    }
  }

  /**
   * Plans to delete pages of ours that are no more wanted, among those of projects in scope. The document keeps the others, and these
   * until they are gone.
   */
  settle(isInScope: (project: string) => boolean): void {
    const { directories, configuration } = this.prefix;
    const roots = new Set(
      directories.flatMap(({ hasPages }, index) =>
        hasPages ? this.#objects(index, undefined).map(({ key }) => key) : [],
      ),
    );
    for (const [key, page] of this.known?.pages ?? []) {
      // One that somebody else wrote since is theirs now.
      if (this.#wanted.has(key) || this.etag(key) !== page.etag) continue;
      this.#pages.set(key, page);
      // A document that is not right must not lead to deletions of anything but pages.
      if (roots.has(key) || !mayBePage(key) || !isBelow(key, configuration.pages)) continue;
      if (!isInScope(key.split('/').at(-2) ?? '')) continue;
      const reason = 'nothing is left that it would show';
      this.deletions.push({ kind: 'delete-page', key, etag: page.etag, reason });
    }
  }

  /** What the document of the prefix says of its pages once everything is done, but for those that are written. */
  pages(): ReadonlyMap<string, PageState> {
    return this.#pages;
  }

  #directory(directory: number): string {
    return this.prefix.directories[directory]?.pages ?? '';
  }

  #objects(directory: number, project: string | undefined): readonly PageObject[] {
    return pageObjects(this.prefix.configuration, joinKey(this.#directory(directory), project ?? ''));
  }

  #consider(step: Unconditional<PageStep>, steps: PageStep[], md5: () => string): void {
    const { key } = step;
    this.#wanted.add(key);
    const etag = this.etag(key);
    const known = this.known?.pages.get(key);
    const digest = pageDigest(step);
    if (etag === undefined) {
      steps.push({ ...step, condition: 'absent', reason: 'it is new' });
      return;
    }
    if (known?.etag === etag ? known.sha256 === digest : md5() === bareEtag(etag)) {
      this.unchanged += 1;
      this.#pages.set(key, { etag, sha256: digest });
      return;
    }
    const condition: PageCondition = { etag };
    if (known?.etag === etag) this.#pages.set(key, known);
    steps.push({
      ...step,
      condition,
      reason: known === undefined ? 'it is not of this run' : 'it has changed',
    });
  }
}

/** Whether a document of a prefix says something else than the one that is there. */
export function isOtherState(one: PrefixState, other: PrefixState | undefined): boolean {
  return other === undefined || textOf(one) !== textOf(other);
}

function textOf({ fingerprint, directories, projects, pages }: PrefixState): string {
  const byKey = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]) => (a < b ? -1 : 1);
  const lists = [...projects].map(([path, names]) => [path, [...names].sort()] as const);
  const states = [...pages].map(([key, { etag, sha256 }]) => [key, etag, sha256] as const);
  return JSON.stringify([
    fingerprint,
    [...directories].sort(),
    lists.sort(byKey),
    states.sort(([a], [b]) => (a < b ? -1 : 1)),
  ]);
}

function bareEtag(etag: string): string {
  return etag.replace(/^"|"$/g, '');
}

function md5Of(bytes: Uint8Array): string {
  return createHash('md5').update(bytes).digest('hex');
}
