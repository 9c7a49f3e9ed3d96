import {
  asSlipwayError,
  InternalError,
  isConditionFailed,
  mapConcurrently,
  type ObjectStore,
  RemoteError,
  type SlipwayError,
  unreachable,
} from '@slipway/core';
import {
  encodePrefix,
  gzipPage,
  type IndexPlan,
  listedProjects,
  PageContents,
  type PageSources,
  type PlanStep,
  type PrefixState,
  sha256Of,
  stateAfter,
} from '@slipway/simple-index';
import { currentEtag, maxPageBytes } from './destinations.ts';
import { type KnownDocument, replaceDocument } from './state-files.ts';

/** So many steps may fail before no other is tried. */
const maxFailures = 5;
/** Not the fingerprint of any configuration: runs for changed keys look at everything first. */
const unfinished = '0'.repeat(64);

export interface ExecuteOptions {
  readonly concurrency: number;
  /** Whether another page may be written. State is always saved. */
  readonly mayContinue: () => boolean;
  /** Called when a step is done. */
  readonly onDone?: (() => void) | undefined;
}

export interface ExecutionInput {
  /** The destination. */
  readonly store: ObjectStore;
  /** Where copied pages come from. */
  readonly source: ObjectStore;
  readonly plan: IndexPlan;
  readonly sources: PageSources;
  /** Documents of prefixes as they were read, by the directory of the pages. */
  readonly documents: ReadonlyMap<string, KnownDocument<PrefixState>>;
}

/** A step that failed. */
export interface StepFailure {
  readonly key: string;
  readonly error: SlipwayError;
}

/** What was carried out of a plan, whether or not all of it was. */
export interface Execution {
  /** ETags of the pages that were written, by key. */
  readonly written: ReadonlyMap<string, string>;
  readonly deleted: ReadonlySet<string>;
  readonly statesWritten: number;
  /** Of pages, as they are stored. */
  readonly bytesWritten: number;
  /** Keys of objects that somebody else has changed: a new look is needed. */
  readonly conflicts: readonly string[];
  readonly failures: readonly StepFailure[];
  /** Steps that were not tried. */
  readonly left: number;
}

/**
 * Carries out a plan: pages of projects, then pages that list them, deletions, and state. Nothing of a later kind is done unless
 * everything of the earlier ones was; state says in any case what was done. Never throws for what a store refuses.
 */
export async function executePlan(input: ExecutionInput, options: ExecuteOptions): Promise<Execution> {
  return new Executor(input, options).run();
}

class Executor {
  readonly #input: ExecutionInput;
  readonly #options: ExecuteOptions;
  readonly #contents: PageContents;
  readonly #written = new Map<string, string>();
  readonly #deleted = new Set<string>();
  readonly #conflicts: string[] = [];
  readonly #failures: StepFailure[] = [];
  #bytesWritten = 0;
  #statesWritten = 0;
  #left = 0;

  constructor(input: ExecutionInput, options: ExecuteOptions) {
    this.#input = input;
    this.#options = options;
    this.#contents = new PageContents(input.sources);
  }

  async run(): Promise<Execution> {
    const { steps } = this.#input.plan;
    for (const phase of [0, 1, 2]) {
      const own = steps.filter((step) => phaseOf(step) === phase);
      if (this.#isComplete()) await this.#carryOut(phase === 0 ? own.sort(byProject) : own);
      else this.#left += own.length;
    }
    const isComplete = this.#isComplete();
    if (isComplete || this.#written.size + this.#deleted.size > 0) {
      for (const step of steps) if (step.kind === 'write-state') await this.#writeState(step, isComplete);
    }
    return {
      written: this.#written,
      deleted: this.#deleted,
      statesWritten: this.#statesWritten,
      bytesWritten: this.#bytesWritten,
      conflicts: this.#conflicts,
      failures: this.#failures,
      left: this.#left,
    };
  }

  #isComplete(): boolean {
    return this.#conflicts.length + this.#failures.length + this.#left === 0;
  }

  async #carryOut(steps: readonly PlanStep[]): Promise<void> {
    await mapConcurrently(steps, this.#options.concurrency, async (step) => {
      if (this.#failures.length >= maxFailures || !this.#options.mayContinue()) {
        this.#left += 1;
        return;
      }
      await this.#attempt(step.key, () => this.#do(step));
    });
  }

  async #attempt(key: string, step: () => Promise<void>): Promise<void> {
    try {
      await step();
      this.#options.onDone?.();
    } catch (error) {
      if (isConditionFailed(error)) this.#conflicts.push(key);
      else this.#failures.push({ key, error: asSlipwayError(error) });
    }
  }

  async #do(step: PlanStep): Promise<void> {
    switch (step.kind) {
      case 'write-page':
        return this.#writePage(step, this.#render(step));
      case 'copy-page':
        return this.#writePage(step, await this.#readCopied(step));
      case 'delete-page':
        return this.#deletePage(step);
      case 'write-state':
        return;
      default:
        return unreachable(step);
    }
  }

  #render({ key, page, sha256 }: Extract<PlanStep, { kind: 'write-page' }>): Uint8Array {
    const { plan, sources } = this.#input;
    const bytes = this.#contents.bytes(page, listedProjects(plan, sources.selection, page));
    if (bytes === undefined || sha256Of(bytes) !== sha256)
      throw new InternalError(`the page ${JSON.stringify(key)} is not the one that was planned`);
    return bytes;
  }

  async #readCopied({ from, sha256 }: Extract<PlanStep, { kind: 'copy-page' }>): Promise<Uint8Array> {
    const stored = await this.#input.source.read(from, { maxBytes: maxPageBytes });
    if (stored === undefined || sha256Of(stored.body) !== sha256)
      throw new RemoteError('condition-failed', `the page to copy, ${JSON.stringify(from)}, has changed`);
    return stored.body;
  }

  async #writePage(
    step: Extract<PlanStep, { kind: 'write-page' | 'copy-page' }>,
    page: Uint8Array,
  ): Promise<void> {
    const bytes = step.gzip ? gzipPage(page) : page;
    const { etag } = await this.#input.store.write(
      step.key,
      { kind: 'bytes', bytes },
      {
        condition: step.condition,
        contentType: step.contentType,
        cache: 'document',
        sha256: step.gzip ? sha256Of(bytes) : step.sha256,
        headers: {
          cacheControl: step.cacheControl,
          ...(step.gzip ? { contentEncoding: 'gzip' } : {}),
        },
      },
    );
    this.#written.set(step.key, etag);
    this.#bytesWritten += bytes.length;
  }

  async #deletePage({ key, etag }: Extract<PlanStep, { kind: 'delete-page' }>): Promise<void> {
    const { store } = this.#input;
    const current = await currentEtag(store, key);
    if (current !== undefined && current !== etag)
      throw new RemoteError('condition-failed', `the page ${JSON.stringify(key)} has changed`);
    if (current !== undefined) await store.delete(key);
    this.#deleted.add(key);
  }

  async #writeState(
    { key, prefix }: Extract<PlanStep, { kind: 'write-state' }>,
    isComplete: boolean,
  ): Promise<void> {
    const { plan, store, documents } = this.#input;
    const state = stateAfter(plan, prefix, this.#written, this.#deleted);
    const document = documents.get(prefix);
    if (state === undefined || document === undefined) return;
    const bytes = encodePrefix(isComplete ? state : { ...state, fingerprint: unfinished });
    await this.#attempt(key, async () => {
      if (await replaceDocument(store, document, bytes)) this.#statesWritten += 1;
    });
  }
}

/** Pages of projects, pages that list them, deletions, state. */
function phaseOf(step: PlanStep): number {
  switch (step.kind) {
    case 'copy-page':
      return 0;
    case 'write-page':
      return step.page.kind === 'project' ? 0 : 1;
    case 'delete-page':
      return 2;
    case 'write-state':
      return 3;
    default:
      return unreachable(step);
  }
}

/** The pages of one project are made of the same files: one after the other, these are gathered once. */
function byProject(one: PlanStep, other: PlanStep): number {
  const [a, b] = [projectOf(one), projectOf(other)];
  return a < b ? -1 : a > b ? 1 : 0;
}

function projectOf(step: PlanStep): string {
  return step.kind === 'write-page' ? `${step.page.prefix} ${step.page.project ?? ''}` : '';
}
