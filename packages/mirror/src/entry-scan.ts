import { availableParallelism } from 'node:os';
import { isMainThread, type MessagePort, parentPort, Worker, workerData } from 'node:worker_threads';
import { type Clock, InternalError, mapConcurrently, type ObjectStore, systemClock } from '@slipway/core';
import { EntryReader, type EntryReport, type TarballCheck } from './entry-reader.ts';
import { NodeBatch, type NodeMessage } from './node-graph.ts';
import { openPolicy, type TrustSource } from './trust.ts';

/** Entries in one message to a worker: large enough to hide the message, small enough to keep all workers busy. */
const batchEntries = 32;
const batchesInFlight = 2;
/** Fewer entries than this are read by the main thread, before a worker would have started. */
const minEntriesForWorkers = 256;
/** Signature checks and reads that are under way at once in one thread. */
const concurrentEntries = 16;

export interface EntryScan {
  readonly store: ObjectStore;
  readonly trust: TrustSource;
  readonly tarballs: TarballCheck;
  readonly clock: Clock;
  /** Without them everything runs in this thread. */
  readonly workers?: ScanWorkers | undefined;
  onEntry(report: EntryReport): void;
  onNode(message: NodeMessage, buffer: Uint8Array): void;
}

/** How worker threads take part in a scan. */
export interface ScanWorkers {
  /** The file that a worker runs, which must end in `serveEntryScan`. */
  readonly entry: string;
  /** What one worker opens the scanned store from: plain data, and what of it is not copied but handed over. */
  storeSeed(store: ObjectStore): {
    readonly seed: unknown;
    readonly transferList: readonly MessagePort[];
  };
}

/** Workers for stores that their URL is enough to open; none without `entry`. */
export function workersByUrl(entry: string | undefined): ScanWorkers | undefined {
  if (entry === undefined) return undefined;
  return { entry, storeSeed: ({ url }) => ({ seed: { url }, transferList: [] }) };
}

/** Documents live for a moment only: a small young generation keeps them from piling up before they are collected. */
const workerLimits = { maxYoungGenerationSizeMb: 16 };

interface WorkerSeed {
  readonly role: 'slipway-entry-scan';
  readonly store: unknown;
  readonly trust: TrustSource;
  readonly tarballs: TarballCheck;
}

interface BatchResult {
  readonly reports: readonly EntryReport[];
  readonly nodes: readonly NodeMessage[];
  readonly json: Uint8Array<ArrayBuffer>;
}

type WorkerMessage =
  | { readonly kind: 'result'; readonly result: BatchResult }
  | { readonly kind: 'failed'; readonly error: unknown };

/**
 * Reads the entries of these manifests, on all cores when there are many. Reports and nodes come in no particular
 * order; each distinct node comes at least once. Throws what the store throws.
 */
export async function scanEntries(keys: readonly string[], scan: EntryScan): Promise<void> {
  const deliver = (result: BatchResult): void => {
    for (const node of result.nodes) scan.onNode(node, result.json);
    for (const report of result.reports) scan.onEntry(report);
  };
  const batches = batchesOf(keys);
  if (scan.workers === undefined || keys.length < minEntriesForWorkers) {
    const { policy } = await openPolicy(scan.trust, scan.clock);
    const reader = new EntryReader(scan.store, policy, scan.tarballs);
    for (const batch of batches) deliver(await readBatch(reader, batch));
    return;
  }
  await scanWithWorkers(batches, scan, scan.workers, deliver);
}

function batchesOf(keys: readonly string[]): readonly (readonly string[])[] {
  const batches: string[][] = [];
  for (let start = 0; start < keys.length; start += batchEntries)
    batches.push(keys.slice(start, start + batchEntries));
  return batches;
}

async function readBatch(reader: EntryReader, keys: readonly string[]): Promise<BatchResult> {
  const batch = new NodeBatch();
  const reports = await mapConcurrently(keys, concurrentEntries, (key) =>
    reader.read(key, (node) => batch.add(node)),
  );
  return { reports, nodes: batch.messages, json: batch.buffer() };
}

async function scanWithWorkers(
  batches: readonly (readonly string[])[],
  scan: EntryScan,
  { entry, storeSeed }: ScanWorkers,
  deliver: (result: BatchResult) => void,
): Promise<void> {
  const queue = batches[Symbol.iterator]();
  const count = Math.min(availableParallelism(), batches.length);
  const start = (): Worker => {
    const { seed: store, transferList } = storeSeed(scan.store);
    const { trust, tarballs } = scan;
    const seed: WorkerSeed = { role: 'slipway-entry-scan', store, trust, tarballs };
    return new Worker(entry, {
      workerData: seed,
      transferList: [...transferList],
      resourceLimits: workerLimits,
    });
  };
  const workers = Array.from({ length: count }, start);
  try {
    await Promise.all(workers.map((worker) => feed(worker, queue, deliver)));
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

/** Keeps one worker busy until the queue is empty and its last answer is in. */
function feed(
  worker: Worker,
  queue: Iterator<readonly string[]>,
  deliver: (result: BatchResult) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let inFlight = 0;
    const send = (): void => {
      const next = queue.next();
      if (next.done !== true) {
        inFlight += 1;
        worker.postMessage(next.value);
      } else if (inFlight === 0) resolve();
    };
    worker.on('message', (message: WorkerMessage) => {
      if (message.kind === 'failed') {
        reject(message.error);
        return;
      }
      inFlight -= 1;
      deliver(message.result);
      send();
    });
    worker.on('error', reject);
    worker.on('exit', (code) => {
      if (code !== 0) reject(new InternalError(`a worker ended with status ${code}`));
    });
    for (let started = 0; started < batchesInFlight; started += 1) send();
  });
}

/**
 * What an action's bundle runs when it is started as a worker of `scanEntries`. `openStore` opens the scanned store from
 * what `storeSeed` of the same action made.
 */
export async function serveEntryScan<Seed>(openStore: (seed: Seed) => Promise<ObjectStore>): Promise<void> {
  const seed: unknown = workerData;
  const port = parentPort;
  if (isMainThread || port === null || !isWorkerSeed(seed))
    throw new InternalError('this is no worker of an entry scan');
  const opening = Promise.all([openStore(seed.store as Seed), openPolicy(seed.trust, systemClock)]).then(
    ([store, { policy }]) => new EntryReader(store, policy, seed.tarballs),
  );
  let previous: Promise<void> = Promise.resolve();
  port.on('message', (keys: readonly string[]) => {
    previous = previous.then(async () => {
      try {
        const result = await readBatch(await opening, keys);
        port.postMessage({ kind: 'result', result } satisfies WorkerMessage, [result.json.buffer]);
      } catch (error) {
        port.postMessage({ kind: 'failed', error: describeFailure(error) });
      }
    });
  });
  await opening.catch(() => undefined);
}

/** Errors lose their class and code between threads. */
function describeFailure(error: unknown): unknown {
  return error instanceof Error ? new Error(error.message) : error;
}

function isWorkerSeed(value: unknown): value is WorkerSeed {
  return typeof value === 'object' && value !== null && Reflect.get(value, 'role') === 'slipway-entry-scan';
}
