import {
  asSlipwayError,
  backoffMs,
  type Clock,
  counted,
  mapConcurrently,
  type ObjectStore,
  type ProgressPort,
  printable,
  RemoteError,
  type SlipwayError,
  silentProgress,
} from '@slipway/core';
import type { IndexConfiguration, IndexFinding, IndexPlan, Selection } from '@slipway/simple-index';
import { type DestinationState, type IndexDestination, readDestination } from './destinations.ts';
import { type Execution, executePlan, type StepFailure } from './execute.ts';
import { type ExternalKnowledge, readExternal } from './external.ts';
import { FactTable } from './fact-table.ts';
import type { FactCounts, Facts, ObjectFailure } from './facts.ts';
import type { HttpPort } from './http-port.ts';
import { type Observation, type ObservationMode, observe } from './observe.ts';
import { pagesChangedMeanwhile, planDestination } from './plan-destination.ts';
import { saveFacts } from './save-facts.ts';

const defaultConcurrency = 32;
const defaultMaxFiles = 5_000_000;
/** So often a run looks again because somebody else changed what it was about to change. */
const maxRounds = 6;
/** Stores tell times in seconds: after this, what was written before is older than the next listing. */
const backoff = { leastMs: 1_100, baseMs: 200, capMs: 3_000 };

export interface BuildOptions {
  /** Stream objects of which the store knows no SHA-256, once, and remember it. */
  readonly computeMissing?: boolean | undefined;
  /** Take METADATA out of wheels that have none beside them, and store it there. */
  readonly extractMetadata?: boolean | undefined;
  /** Look only at what these keys are about, without a listing if that is enough. */
  readonly changedKeys?: readonly string[] | undefined;
  /** Only plan: nothing is written. */
  readonly dryRun?: boolean | undefined;
  /** Objects in the source; more are an error. 5,000,000 by default. */
  readonly maxFiles?: number | undefined;
  /** Requests at once, for each destination. 32 by default. */
  readonly concurrency?: number | undefined;
  /**
   * Whether there is time, and whether there are requests, for another object or page. Once this is false, a run finishes with what
   * it has and saves what it knows: the next one goes on from there.
   */
  readonly mayContinue?: (() => boolean) | undefined;
  /** How projects of other indexes are read; without it, their pages stay as they are. */
  readonly http?: HttpPort | undefined;
  /** Called with each plan before anything of it is done. If it fails, so does the destination, and nothing is done. */
  readonly onPlan?: ((store: ObjectStore, plan: IndexPlan) => Promise<void>) | undefined;
}

export interface BuildInput {
  readonly configuration: IndexConfiguration;
  readonly source: ObjectStore;
  /** In the order of the configuration; empty if the source gets the pages. */
  readonly destinations: readonly ObjectStore[];
  readonly clock: Clock;
  readonly progress?: ProgressPort | undefined;
}

/** What a run came to in one destination. */
export interface DestinationResult {
  readonly url: string;
  /** The last plan; undefined if there was none. */
  readonly plan: IndexPlan | undefined;
  /** Whether the destination is as the configuration says. Always false in a dry run with something to do. */
  readonly isDone: boolean;
  /** How often it was looked at. */
  readonly rounds: number;
  readonly written: readonly string[];
  readonly deleted: readonly string[];
  readonly statesWritten: number;
  readonly bytesWritten: number;
  /** Steps that were left for the next run, because there was no time for them or others failed. */
  readonly left: number;
  /** Objects that could not be written or deleted, the first five. */
  readonly failures: readonly StepFailure[];
  /** Why it is not done; undefined if it is, or if only time was missing. */
  readonly error: SlipwayError | undefined;
}

export interface BuildResult {
  /** How the source was looked at; undefined if no destination could be read. */
  readonly mode: ObservationMode | undefined;
  /** Objects that were looked at. */
  readonly objects: number;
  readonly counts: Readonly<FactCounts> | undefined;
  /** What pages show: in a run for changed keys, of the projects that it looked at. Undefined if no destination could be read. */
  readonly selection: Selection | undefined;
  /** Documents about files, and about projects of other indexes, that were written. */
  readonly factsWritten: number;
  readonly findings: readonly IndexFinding[];
  /** In the order of the configuration. */
  readonly destinations: readonly DestinationResult[];
  /** Files that could not be asked for; pages that need them stay as they are. The first 20. */
  readonly failures: readonly ObjectFailure[];
  /** Why facts could not be saved; the next run asks for them again. */
  readonly memoryError: SlipwayError | undefined;
  /** Whether everything is done: every destination, every file. */
  readonly isDone: boolean;
}

/**
 * Builds a package index: looks at the source, plans each destination, and carries the plans out. Whoever changes the same pages at
 * the same time makes it look again, so that every page is one that a single run would have made. A destination that fails
 * does not stop the others. Throws what the source throws for a listing that fails, before anything is written.
 */
export async function buildIndex(input: BuildInput, options: BuildOptions = {}): Promise<BuildResult> {
  return new Builder(input, options).run();
}

interface Totals {
  plan: IndexPlan | undefined;
  isDone: boolean;
  rounds: number;
  readonly written: Set<string>;
  readonly deleted: Set<string>;
  statesWritten: number;
  bytesWritten: number;
  left: number;
  failures: readonly StepFailure[];
  error: SlipwayError | undefined;
  /** Somebody else changes it too. */
  isDoubtful: boolean;
}

class Builder {
  readonly #input: BuildInput;
  readonly #options: BuildOptions;
  readonly #concurrency: number;
  readonly #progress: ProgressPort;
  readonly #mayContinue: () => boolean;
  readonly #totals: ReadonlyMap<IndexDestination, Totals>;
  readonly #memory: IndexDestination | undefined;
  #earlier: Facts = new FactTable();
  #last: Observation | undefined;
  #external: ExternalKnowledge | undefined;
  #factsWritten = 0;
  #memoryError: SlipwayError | undefined;

  constructor(input: BuildInput, options: BuildOptions) {
    this.#input = input;
    this.#options = options;
    this.#concurrency = options.concurrency ?? defaultConcurrency;
    this.#progress = input.progress ?? silentProgress;
    this.#mayContinue = options.mayContinue ?? (() => true);
    const destinations = destinationsOf(input);
    this.#totals = new Map(destinations.map((destination) => [destination, noTotals()]));
    this.#memory = destinations[0];
  }

  async run(): Promise<BuildResult> {
    for (let round = 0; round < maxRounds; round += 1) {
      if (round > 0) await this.#wait(round);
      const pending = this.#pending();
      if (pending.length === 0 || (round > 0 && !this.#mayContinue())) break;
      const states = await this.#readStates(pending);
      if (states.size === 0) break;
      let observation: Observation;
      try {
        observation = await this.#observe(states, round);
      } catch (error) {
        // In the first round nothing is done yet.
        if (round === 0) throw error;
        for (const destination of states.keys()) this.#of(destination).error = asSlipwayError(error);
        break;
      }
      this.#last = observation;
      this.#earlier = observation.knowledge.facts;
      await this.#saveFacts(observation);
      await this.#readExternal(observation);
      await mapConcurrently(states, states.size, ([destination, state]) =>
        this.#build(destination, state, observation),
      );
      if (this.#options.dryRun === true) break;
    }
    for (const destination of this.#pending()) this.#giveUp(destination);
    return this.#result();
  }

  #of(destination: IndexDestination): Totals {
    const totals = this.#totals.get(destination);
    if (totals === undefined) throw new RangeError('a destination of another run');
    return totals;
  }

  /** Destinations that another look may help. */
  #pending(): readonly IndexDestination[] {
    return [...this.#totals].flatMap(([destination, totals]) =>
      totals.rounds === 0 || totals.isDoubtful ? (totals.error === undefined ? [destination] : []) : [],
    );
  }

  async #wait(round: number): Promise<void> {
    const { clock } = this.#input;
    if (this.#pending().length === 0) return;
    await clock.sleep(backoff.leastMs + backoffMs(clock, round, backoff.baseMs, backoff.capMs));
  }

  async #readStates(
    pending: readonly IndexDestination[],
  ): Promise<ReadonlyMap<IndexDestination, DestinationState>> {
    const states = new Map<IndexDestination, DestinationState>();
    await mapConcurrently(pending, pending.length, async (destination) => {
      const totals = this.#of(destination);
      try {
        const { isDoubtful } = totals;
        const options = { concurrency: this.#concurrency, isDoubtful };
        states.set(destination, await readDestination(destination, this.#input.configuration, options));
      } catch (error) {
        totals.error = asSlipwayError(error);
        this.#tell(destination, `could not be read: ${totals.error.message}`);
      }
    });
    // In the order of the configuration.
    return new Map(
      pending.flatMap((one) => (states.has(one) ? [[one, states.get(one)] as const] : [])) as [
        IndexDestination,
        DestinationState,
      ][],
    );
  }

  #observe(states: ReadonlyMap<IndexDestination, DestinationState>, round: number): Promise<Observation> {
    const { configuration, source, clock } = this.#input;
    const memory = this.#memory;
    const isReadable = memory !== undefined && this.#of(memory).error === undefined;
    return observe(
      {
        configuration,
        source,
        destinations: states,
        memory: isReadable ? memory.store : undefined,
        earlier: this.#earlier,
        clock,
        progress: this.#progress,
      },
      {
        computeMissing: this.#options.computeMissing ?? false,
        extractMetadata: (this.#options.extractMetadata ?? false) && this.#options.dryRun !== true,
        concurrency: this.#concurrency,
        maxFiles: this.#options.maxFiles ?? defaultMaxFiles,
        mayContinue: this.#mayContinue,
        // Whoever else was faster twice may have left something unfinished.
        changedKeys: round < 2 ? this.#options.changedKeys : undefined,
      },
    );
  }

  /** Once: other indexes hardly change while a run looks again. A run for changed keys does not look at them. */
  async #readExternal({ mode }: Observation): Promise<void> {
    const { configuration, clock } = this.#input;
    const { http } = this.#options;
    const isWanted = mode.kind === 'whole' && configuration.external.length > 0;
    if (!isWanted || http === undefined || this.#external !== undefined) return;
    const memory = this.#memory;
    const isReadable = memory !== undefined && this.#of(memory).error === undefined;
    this.#external = await readExternal(
      { configuration, http, memory: isReadable ? memory.store : undefined, clock, progress: this.#progress },
      {
        concurrency: this.#concurrency,
        isDryRun: this.#options.dryRun === true,
        mayContinue: this.#mayContinue,
      },
    );
    this.#factsWritten += this.#external.documentsWritten;
  }

  async #saveFacts(observation: Observation): Promise<void> {
    const memory = this.#memory;
    if (this.#options.dryRun === true || memory === undefined || this.#of(memory).error !== undefined) return;
    try {
      this.#factsWritten += await saveFacts(memory.store, this.#input.clock, observation, this.#concurrency);
      this.#memoryError = undefined;
    } catch (error) {
      this.#memoryError = asSlipwayError(error);
      this.#progress.info(`What is known of files could not be saved: ${this.#memoryError.message}`);
    }
  }

  async #build(
    destination: IndexDestination,
    state: DestinationState,
    observation: Observation,
  ): Promise<void> {
    const totals = this.#of(destination);
    totals.rounds += 1;
    totals.isDoubtful = false;
    const { plan, sources } = planDestination(destination, state, observation, this.#external?.projects);
    totals.plan = plan;
    totals.left = plan.steps.length;
    if (this.#options.dryRun === true) {
      totals.isDone = plan.steps.length === 0;
      await this.#options.onPlan?.(destination.store, plan);
      return;
    }
    const changed = await pagesChangedMeanwhile(destination, state, observation, plan, this.#input.clock);
    if (changed.length > 0) {
      totals.isDoubtful = true;
      this.#tell(destination, `${printable(changed[0] ?? '')} was changed while the source was listed`);
      return;
    }
    try {
      await this.#options.onPlan?.(destination.store, plan);
    } catch (error) {
      totals.error = asSlipwayError(error);
      return;
    }
    this.#progress.start(`write ${counted(plan.steps.length, 'object')} to ${destination.store.url}`);
    const { source } = this.#input;
    const execution = await executePlan(
      { store: destination.store, source, plan, sources, documents: state.documents },
      {
        concurrency: this.#concurrency,
        mayContinue: this.#mayContinue,
        onDone: () => this.#progress.advance(1),
      },
    );
    this.#add(destination, totals, execution);
  }

  #add(destination: IndexDestination, totals: Totals, execution: Execution): void {
    const { written, deleted, conflicts, failures, left } = execution;
    for (const key of written.keys()) totals.written.add(key);
    for (const key of deleted) totals.deleted.add(key);
    totals.statesWritten += execution.statesWritten;
    totals.bytesWritten += execution.bytesWritten;
    totals.left = left;
    totals.failures = failures;
    totals.isDone = conflicts.length + failures.length + left === 0;
    const [failure] = failures;
    if (failure !== undefined) {
      totals.error = failure.error;
      this.#tell(destination, `${printable(failure.key)} could not be changed: ${failure.error.message}`);
    } else if (conflicts.length > 0) {
      totals.isDoubtful = true;
      this.#tell(destination, `somebody else has changed ${printable(conflicts[0] ?? '')}: looking again`);
    }
  }

  #giveUp(destination: IndexDestination): void {
    const totals = this.#of(destination);
    if (!totals.isDoubtful || !this.#mayContinue()) return;
    totals.error = new RemoteError(
      'contention',
      `${destination.store.url}: others changed the same pages ${counted(totals.rounds, 'time')} in a row.`,
      { hint: 'Let one run at a time build this index, and run it again.' },
    );
  }

  #tell({ store }: IndexDestination, what: string): void {
    this.#progress.info(`${store.url}: ${what}.`);
  }

  #result(): BuildResult {
    const destinations = [...this.#totals].map(([{ store }, totals]): DestinationResult => {
      const { isDoubtful: _, written, deleted, ...rest } = totals;
      return { url: store.url, ...rest, written: [...written].sort(), deleted: [...deleted].sort() };
    });
    const { knowledge, selection, mode, findings = [] } = this.#last ?? {};
    const isKnown = (knowledge?.partial.size ?? 0) === 0;
    return {
      mode,
      objects: selection?.objects ?? 0,
      counts: knowledge?.counts,
      selection,
      factsWritten: this.#factsWritten,
      findings: [...findings, ...(this.#external?.findings ?? [])],
      destinations,
      failures: knowledge?.failures ?? [],
      memoryError: this.#memoryError ?? this.#external?.error,
      isDone: isKnown && destinations.every(({ isDone }) => isDone),
    };
  }
}

function destinationsOf({ configuration, source, destinations }: BuildInput): readonly IndexDestination[] {
  if (configuration.destinations.length === 0) return [{ store: source, index: undefined, isSource: true }];
  return configuration.destinations.map(({ url, endpointUrl }, index) => {
    const store = destinations[index];
    if (store === undefined) throw new RangeError(`no store for ${url}`);
    const isSource =
      store === source ||
      (url === configuration.source?.url && endpointUrl === configuration.source.endpointUrl);
    return { store, index, isSource };
  });
}

function noTotals(): Totals {
  return {
    plan: undefined,
    isDone: false,
    rounds: 0,
    written: new Set(),
    deleted: new Set(),
    statesWritten: 0,
    bytesWritten: 0,
    left: 0,
    failures: [],
    error: undefined,
    isDoubtful: false,
  };
}
