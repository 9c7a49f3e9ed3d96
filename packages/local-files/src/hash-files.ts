import { availableParallelism } from 'node:os';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { counted, InternalError, type ProgressPort } from '@slipway/core';
import { digestFile, type FileDigest } from './file-digest.ts';
import type { FileProblems } from './file-problems.ts';

export interface FileToHash {
  readonly path: string;
  readonly sizeBytes: number;
}

/** Files in one message to a worker: enough to hide the message, few enough to keep all workers busy. */
const batchFiles = 64;
const batchBytes = 16 * 2 ** 20;
const batchesInFlight = 2;
/** With less than this to hash, this thread is done before a worker would have started. */
const minBytesForWorkers = 64 * 2 ** 20;
/** A worker takes a while to start; one that hashes less than this is not worth it beside another. */
const bytesPerWorker = 256 * 2 ** 20;
const maxWorkers = 8;
const role = 'slipway-hashing';

interface Batch {
  readonly start: number;
  readonly files: readonly FileToHash[];
}

/**
 * The digests of files, in their order: each is read once, on all cores when there is much to read. `onBytes` is called as
 * files are done.
 */
export async function hashFiles(
  files: readonly FileToHash[],
  options: { readonly workerEntry: string | undefined; readonly onBytes: (count: number) => void },
): Promise<readonly FileDigest[]> {
  const digests = new Array<FileDigest>(files.length);
  const deliver = (batch: Batch, results: readonly FileDigest[]): void => {
    let bytes = 0;
    for (const [index, result] of results.entries()) {
      digests[batch.start + index] = result;
      bytes += batch.files[index]?.sizeBytes ?? 0;
    }
    options.onBytes(bytes);
  };
  const totalBytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (options.workerEntry === undefined || totalBytes < minBytesForWorkers) {
    await hashHere(batchesOf(files), deliver);
  } else {
    const count = Math.min(availableParallelism(), maxWorkers, Math.ceil(totalBytes / bytesPerWorker));
    await hashWithWorkers(batchesOf(files), { workerEntry: options.workerEntry, count }, deliver);
  }
  return digests;
}

/**
 * `hashFiles` with progress. The digest of a file that changes or cannot be read is undefined, and a problem with its `name`.
 */
export async function hashNamed(
  files: readonly (FileToHash & { readonly name: string })[],
  {
    workerEntry,
    progress,
    problems,
  }: {
    readonly workerEntry: string | undefined;
    readonly progress: ProgressPort;
    readonly problems: FileProblems;
  },
): Promise<readonly (Extract<FileDigest, { kind: 'digest' }> | undefined)[]> {
  const totalBytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (files.length > 0) progress.start(`Hashing ${counted(files.length, 'file')}`, totalBytes, 'bytes');
  const digests = await hashFiles(files, { workerEntry, onBytes: (count) => progress.advance(count) });
  return digests.map((digest, index) => {
    const name = files[index]?.name ?? '';
    if (digest.kind === 'digest') return digest;
    if (digest.kind === 'changing') problems.add('content-invalid', name, 'changes while it is being read');
    else problems.add('source-unreadable', name, `cannot be read (${digest.code})`);
    return undefined;
  });
}

function* batchesOf(files: readonly FileToHash[]): Generator<Batch> {
  let start = 0;
  let bytes = 0;
  for (let end = 0; end < files.length; end += 1) {
    bytes += files[end]?.sizeBytes ?? 0;
    if (end + 1 - start === batchFiles || bytes >= batchBytes || end + 1 === files.length) {
      yield { start, files: files.slice(start, end + 1) };
      start = end + 1;
      bytes = 0;
    }
  }
}

type Deliver = (batch: Batch, results: readonly FileDigest[]) => void;

async function hashHere(batches: Iterable<Batch>, deliver: Deliver): Promise<void> {
  for (const batch of batches) {
    deliver(
      batch,
      batch.files.map(({ path }) => digestFile(path)),
    );
    // Answers of the destination are waiting.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function hashWithWorkers(
  batches: Iterable<Batch>,
  { workerEntry, count }: { readonly workerEntry: string; readonly count: number },
  deliver: Deliver,
): Promise<void> {
  const queue = batches[Symbol.iterator]();
  const workers = Array.from({ length: count }, () => new Worker(workerEntry, { workerData: { role } }));
  try {
    await Promise.all(workers.map((worker) => feed(worker, queue, deliver)));
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

/** Keeps one worker busy until the queue is empty and its last answer is in. */
function feed(worker: Worker, queue: Iterator<Batch>, deliver: Deliver): Promise<void> {
  return new Promise((resolve, reject) => {
    const inFlight: Batch[] = [];
    const send = (): void => {
      const next = queue.next();
      if (next.done !== true) {
        inFlight.push(next.value);
        worker.postMessage(next.value.files.map(({ path }) => path));
      } else if (inFlight.length === 0) resolve();
    };
    worker.on('message', (results: readonly FileDigest[]) => {
      const batch = inFlight.shift();
      if (batch !== undefined) deliver(batch, results);
      send();
    });
    worker.on('error', reject);
    worker.on('exit', (code) =>
      reject(new InternalError(`a hashing worker ended early, with status ${code}`)),
    );
    for (let started = 0; started < batchesInFlight; started += 1) send();
  });
}

/** What the action's bundle runs when it is started as a worker of `hashFiles`. */
export async function serveHashing(): Promise<void> {
  const seed: unknown = workerData;
  const port = parentPort;
  const isOurs = typeof seed === 'object' && seed !== null && Reflect.get(seed, 'role') === role;
  if (isMainThread || port === null || !isOurs)
    throw new InternalError('this is not a worker that hashes files');
  port.on('message', (paths: readonly string[]) => {
    port.postMessage(paths.map((path) => digestFile(path)));
  });
}
