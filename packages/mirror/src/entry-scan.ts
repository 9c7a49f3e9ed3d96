import { availableParallelism } from 'node:os';
import { isMainThread, type MessagePort, parentPort, Worker, workerData } from 'node:worker_threads';
import {
  type Clock,
  InternalError,
  mapConcurrently,
  type ObjectStore,
  systemClock,
  unreachable,
} from '@slipway/core';
import { NodeTable, type NodeTableMemory } from '@slipway/spack-buildcache';
import { EntryReader, type EntryReport, type TarballCheck } from './entry-reader.ts';
import { openPolicy, type TrustSource } from './trust.ts';

/** Entries in one message to a worker: large enough to hide the message, small enough to keep all workers busy. */
const batchEntries = 32;
const batchesInFlight = 2;
/** Below this, the main thread finishes before a worker would have started. */
const minEntriesForWorkers = 512;
/** Concurrent signature checks and reads in each thread. */
const concurrentEntries = 16;

export interface EntryScan {
  readonly store: ObjectStore;
  readonly trust: TrustSource;
  readonly tarballs: TarballCheck;
  readonly clock: Clock;
  readonly workers?: ScanWorkers | undefined;
  /** Receive the nodes of all specs, one table per format as in `NodeGraph.tables`. */
  readonly nodes: readonly NodeTable[];
  onEntry(report: EntryReport): void;
}

export interface ScanWorkers {
  /** The file that a worker runs; it must call `serveEntryScan`. */
  readonly entry: string;
  /** Plain data from which a worker opens the store, and the parts of it to transfer instead of copying. */
  storeSeed(store: ObjectStore): {
    readonly seed: unknown;
    readonly transferList: readonly MessagePort[];
  };
}

/** Workers for stores that can be opened from their URL alone; undefined without `entry`. */
export function workersByUrl(entry: string | undefined): ScanWorkers | undefined {
  if (entry === undefined) return undefined;
  return { entry, storeSeed: ({ url }) => ({ seed: { url }, transferList: [] }) };
}

/** Documents are short-lived: a small young generation collects them before they pile up. */
const workerLimits = { maxYoungGenerationSizeMb: 16 };

interface WorkerSeed {
  readonly role: 'slipway-entry-scan';
  readonly store: unknown;
  readonly trust: TrustSource;
  readonly tarballs: TarballCheck;
  readonly nodes: readonly NodeTableMemory[];
}

type WorkerMessage =
  /** The worker has started and accepts keys. */
  | { readonly kind: 'ready' }
  /** The reports as JSON, which crosses threads twice as fast as objects. */
  | { readonly kind: 'result'; readonly reports: string }
  | { readonly kind: 'failed'; readonly error: unknown };

/**
 * Reads the entries of these manifests, on all cores if there are many. Reports arrive in no particular order. Throws
 * if the store fails.
 */
export async function scanEntries(keys: readonly string[], scan: EntryScan): Promise<void> {
  const queue = new BatchQueue(keys);
  const workers = keys.length < minEntriesForWorkers ? [] : startWorkers(scan);
  try {
    const here = readHere(queue, scan);
    await Promise.all([here, ...workers.map((worker) => feed(worker, queue, scan, here))]);
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

class BatchQueue {
  readonly #keys: readonly string[];
  #next = 0;

  constructor(keys: readonly string[]) {
    this.#keys = keys;
  }

  take(): readonly string[] {
    const batch = this.#keys.slice(this.#next, this.#next + batchEntries);
    this.#next += batch.length;
    return batch;
  }

  abandon(): void {
    this.#next = this.#keys.length;
  }
}

/** The main thread reads as well, so one core is left to it. */
function startWorkers(scan: EntryScan): readonly Worker[] {
  const { workers, trust, tarballs, nodes } = scan;
  if (workers === undefined) return [];
  return Array.from({ length: availableParallelism() - 1 }, () => {
    const { seed: store, transferList } = workers.storeSeed(scan.store);
    const seed: WorkerSeed = {
      role: 'slipway-entry-scan',
      store,
      trust,
      tarballs,
      nodes: nodes.map(({ memory }) => memory),
    };
    return new Worker(workers.entry, {
      workerData: seed,
      transferList: [...transferList],
      resourceLimits: workerLimits,
    });
  });
}

async function readBatch(reader: EntryReader, keys: readonly string[]): Promise<readonly EntryReport[]> {
  return mapConcurrently(keys, concurrentEntries, (key) => reader.read(key));
}

async function readHere(queue: BatchQueue, scan: EntryScan): Promise<void> {
  try {
    const { policy } = await openPolicy(scan.trust, scan.clock);
    const reader = new EntryReader(scan.store, policy, scan.tarballs, scan.nodes);
    for (let batch = queue.take(); batch.length > 0; batch = queue.take()) {
      for (const report of await readBatch(reader, batch)) scan.onEntry(report);
      // A store with blocking calls would otherwise never let workers' messages through.
      await new Promise((resolve) => setImmediate(resolve));
    }
  } catch (error) {
    queue.abandon();
    throw error;
  }
}

/**
 * Keeps one worker busy until the queue is empty and its last answer has arrived. Does not wait for a worker that has
 * not started by the time everything has been read `here`.
 */
function feed(worker: Worker, queue: BatchQueue, scan: EntryScan, here: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    let inFlight = 0;
    const resolveIfIdle = (): void => {
      if (inFlight === 0) resolve();
    };
    here.then(resolveIfIdle, reject);
    const fail = (error: unknown): void => {
      queue.abandon();
      reject(error);
    };
    const send = (): void => {
      const batch = queue.take();
      if (batch.length > 0) {
        inFlight += 1;
        worker.postMessage(batch);
      } else resolveIfIdle();
    };
    worker.on('message', (message: WorkerMessage) => {
      switch (message.kind) {
        case 'ready':
          for (let started = 0; started < batchesInFlight; started += 1) send();
          return;
        case 'result': {
          inFlight -= 1;
          const reports: readonly EntryReport[] = JSON.parse(message.reports);
          for (const report of reports) scan.onEntry(report);
          send();
          return;
        }
        case 'failed':
          fail(message.error);
          return;
        default:
          unreachable(message);
      }
    });
    worker.on('error', fail);
    worker.on('exit', (code) => {
      if (code !== 0) fail(new InternalError(`a worker ended with status ${code}`));
    });
  });
}

/**
 * What an action's bundle runs as a worker of `scanEntries`. `openStore` opens the store from the seed that the
 * action's `storeSeed` made.
 */
export async function serveEntryScan<Seed>(openStore: (seed: Seed) => Promise<ObjectStore>): Promise<void> {
  const seed: unknown = workerData;
  const port = parentPort;
  if (isMainThread || port === null || !isWorkerSeed(seed))
    throw new InternalError('this is not a worker of an entry scan');
  const send = (message: WorkerMessage): void => port.postMessage(message);
  let reader: EntryReader;
  try {
    const [store, { policy }] = await Promise.all([
      openStore(seed.store as Seed),
      openPolicy(seed.trust, systemClock),
    ]);
    const nodes = seed.nodes.map((memory) => new NodeTable(memory));
    reader = new EntryReader(store, policy, seed.tarballs, nodes);
  } catch (error) {
    send({ kind: 'failed', error: describeFailure(error) });
    return;
  }
  let previous: Promise<void> = Promise.resolve();
  port.on('message', (keys: readonly string[]) => {
    previous = previous.then(async () => {
      try {
        send({ kind: 'result', reports: JSON.stringify(await readBatch(reader, keys)) });
      } catch (error) {
        send({ kind: 'failed', error: describeFailure(error) });
      }
    });
  });
  send({ kind: 'ready' });
}

/** Errors lose their class and code between threads. */
function describeFailure(error: unknown): unknown {
  return error instanceof Error ? new Error(error.message) : error;
}

function isWorkerSeed(value: unknown): value is WorkerSeed {
  return typeof value === 'object' && value !== null && Reflect.get(value, 'role') === 'slipway-entry-scan';
}
