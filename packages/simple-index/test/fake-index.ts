import { createHash } from 'node:crypto';
import {
  type CopiedPage,
  currentFacts,
  decodePrefix,
  type ExternalProject,
  encodePrefix,
  type FileFacts,
  FileSelector,
  gzipPage,
  type IndexConfiguration,
  type IndexPlan,
  type KnownDirectories,
  listedProjects,
  mayBePage,
  PageContents,
  type PlanInput,
  type PlanStep,
  type PrefixState,
  planIndex,
  type Selection,
  type SourceFile,
  sha256Of,
  stateAfter,
} from '../src/index.ts';

export interface Change {
  readonly key: string;
  readonly etag: string;
  readonly kind: 'write' | 'delete';
}

/** A bucket with files, pages and state, and the run of an index over it: everything but requests. */
export class FakeIndex {
  readonly configuration: IndexConfiguration;
  readonly files = new Map<string, SourceFile>();
  readonly pages = new Map<string, string>();
  states = new Map<string, PrefixState>();
  facts = new Map<string, FileFacts>();
  /** Keys whose HEAD fails, and those without a hash. */
  readonly failing = new Set<string>();
  readonly hashless = new Set<string>();
  external: ReadonlyMap<string, ExternalProject> = new Map();
  copied: ReadonlyMap<string, CopiedPage> = new Map();

  constructor(configuration: IndexConfiguration) {
    this.configuration = configuration;
  }

  clone(): FakeIndex {
    const copy = new FakeIndex(this.configuration);
    for (const name of ['files', 'pages'] as const) {
      for (const [key, value] of this[name]) (copy[name] as Map<string, unknown>).set(key, value);
    }
    copy.states = new Map(this.states);
    copy.facts = new Map(this.facts);
    copy.external = this.external;
    copy.copied = this.copied;
    return copy;
  }

  put(key: string, etag = `"${key}"`, modifiedAtMs = 1_000): void {
    this.files.set(key, { key, etag, sizeBytes: key.length, modifiedAtMs });
  }

  select(files: Iterable<SourceFile> = this.files.values(), known?: KnownDirectories): Selection {
    const selector = new FileSelector(this.configuration, known);
    for (const file of files) selector.add(file);
    return selector.finish();
  }

  /** Finds out what is not known of files, as requests would, and forgets what is gone. */
  observe(selection: Selection, isWhole = true): void {
    const facts = isWhole ? new Map<string, FileFacts>() : new Map(this.facts);
    for (const { projects, configuration } of selection.prefixes) {
      if (configuration.kind === 'listing') continue;
      for (const { files, hidden } of projects.values()) {
        for (const { source } of [...files, ...hidden]) {
          if (this.failing.has(source.key)) continue;
          const sibling = selection.metadata.get(source.key);
          const sha256 = this.hashless.has(source.key) ? null : sha256Of(source.etag);
          const answers = {
            hash: { sha256, origin: sha256 === null ? ('none' as const) : ('checksum' as const) },
            ...(sibling === undefined
              ? {}
              : { metadata: { sha256: sha256Of(sibling.etag), requiresPython: '>=3.9' } }),
          };
          facts.set(source.key, currentFacts(source, sibling, this.facts.get(source.key), answers));
        }
      }
    }
    this.facts = facts;
  }

  input(selection: Selection, changes: Partial<PlanInput> = {}): PlanInput {
    const pages = new Map(
      [...this.pages].filter(([key]) => mayBePage(key)).map(([key, text]) => [key, etagOf(text)]),
    );
    return {
      selection,
      facts: (key) => (this.failing.has(key) ? undefined : this.facts.get(key)),
      known: { pages, states: this.states },
      external: this.external,
      copied: this.copied,
      ...changes,
    };
  }

  plan(changes: Partial<PlanInput> = {}): IndexPlan {
    const selection = changes.selection ?? this.select();
    if (changes.selection === undefined) this.observe(selection);
    return planIndex(this.input(selection, changes));
  }

  /** A whole run; dies after some steps if told. Returns its plan. */
  run(maxSteps = Number.POSITIVE_INFINITY): IndexPlan {
    const selection = this.select();
    const plan = this.plan();
    this.apply(plan, this.input(selection), maxSteps);
    return plan;
  }

  apply(plan: IndexPlan, input: PlanInput, maxSteps = Number.POSITIVE_INFINITY): void {
    const contents = new PageContents(input);
    const written = new Map<string, string>();
    const deleted = new Set<string>();
    for (const step of plan.steps.slice(0, maxSteps)) {
      if (step.kind === 'write-state') {
        const state = stateAfter(plan, step.prefix, written, deleted);
        if (state === undefined) throw new Error(`no state of ${step.prefix}`);
        const read = decodePrefix(encodePrefix(state));
        if (read.kind === 'damaged') throw new Error(read.reason);
        this.states.set(step.prefix, read.value);
        continue;
      }
      this.#check(step);
      if (step.kind === 'delete-page') {
        this.pages.delete(step.key);
        deleted.add(step.key);
        continue;
      }
      const text =
        step.kind === 'copy-page' ? this.pages.get(step.from) : this.#render(step, contents, plan, input);
      if (text === undefined) throw new Error(`nothing to write to ${step.key}`);
      this.pages.set(step.key, text);
      written.set(step.key, etagOf(text));
    }
  }

  #render(
    step: Extract<PlanStep, { kind: 'write-page' }>,
    contents: PageContents,
    plan: IndexPlan,
    { selection }: PlanInput,
  ): string {
    const bytes = contents.bytes(step.page, listedProjects(plan, selection, step.page));
    if (bytes === undefined || sha256Of(bytes) !== step.sha256 || bytes.length !== step.sizeBytes) {
      throw new Error(`the bytes of ${step.key} are not those of the plan`);
    }
    return Buffer.from(step.gzip ? gzipPage(bytes) : bytes).toString('latin1');
  }

  #check(step: Exclude<PlanStep, { kind: 'write-state' }>): void {
    const there = this.pages.get(step.key);
    const etag = there === undefined ? undefined : etagOf(there);
    const expected =
      step.kind === 'delete-page' ? step.etag : step.condition === 'absent' ? undefined : step.condition.etag;
    if (etag !== expected) throw new Error(`${step.kind} of ${step.key}: the condition failed`);
  }
}

/** As S3 has it. */
export function etagOf(text: string): string {
  return `"${createHash('md5').update(Buffer.from(text, 'latin1')).digest('hex')}"`;
}
