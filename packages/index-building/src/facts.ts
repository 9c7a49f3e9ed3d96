import { asSlipwayError, mapConcurrently, type ObjectStore, type SlipwayError } from '@slipway/core';
import {
  currentFacts,
  type FileAnswers,
  type FileFacts,
  missingFacts,
  type SelectedPrefix,
  type Selection,
  type ShardState,
  type SourceFile,
  shardOf,
} from '@slipway/simple-index';
import { FactTable } from './fact-table.ts';
import { learnHashes } from './file-hashes.ts';
import { extractMetadata, type MetadataObject, readMetadataFile } from './metadata-facts.ts';

/** So many objects may fail before the others are not asked for either: the store refuses everything. */
const maxFailures = 20;

export interface FactOptions {
  /** Stream objects of which the store knows no SHA-256, once. */
  readonly computeMissing: boolean;
  /** Take METADATA out of wheels that have none beside them, and store it there. */
  readonly extractMetadata: boolean;
  readonly concurrency: number;
  /** Whether another object may be asked for. */
  readonly mayContinue: () => boolean;
  readonly onAsked?: ((count: number) => void) | undefined;
  readonly onDone?: (() => void) | undefined;
}

/** An object that could not be asked for. */
export interface ObjectFailure {
  readonly key: string;
  readonly error: SlipwayError;
}

/** How many requests of each kind were made about files. */
export interface FactCounts {
  /** Files of which everything was known. */
  known: number;
  hashesLearned: number;
  metadataRead: number;
  metadataExtracted: number;
  /** Wheels without METADATA that can be read. */
  metadataUnreadable: number;
  /** Not asked for, because time or requests ran out or too many failed. */
  skipped: number;
}

/** Facts by key. */
export type Facts = Pick<FactTable, 'get'>;

/** What is known of the files of a selection. */
export interface FileKnowledge {
  /** Of files of which everything is known that pages need, by key. */
  readonly facts: Facts;
  /** Of files about which something is missing: what is to be remembered. */
  readonly partial: ReadonlyMap<string, FileFacts>;
  /** Keys of objects that were replaced since they were listed. */
  readonly replaced: readonly string[];
  readonly failures: readonly ObjectFailure[];
  readonly counts: Readonly<FactCounts>;
}

interface Question {
  readonly source: SourceFile;
  readonly sibling: MetadataObject | undefined;
  readonly known: FileFacts | undefined;
  readonly hash: boolean;
  readonly metadata: 'read' | 'extract' | undefined;
}

type Projects = Map<string, { readonly prefix: SelectedPrefix; readonly project: string }[]>;

/** The projects of a selection whose pages are made of files of the source, by shard. */
export function projectsByShard(selection: Selection): Projects {
  const shards: Projects = new Map();
  for (const prefix of selection.prefixes) {
    const { configuration } = prefix;
    if (configuration.kind === 'listing') continue;
    const elsewhere = new Set([
      ...configuration.copiedPages.flatMap(({ names }) => [...names]),
      ...selection.configuration.external
        .filter(({ prefixes }) => prefixes?.includes(configuration.pages) ?? true)
        .flatMap(({ names }) => names),
    ]);
    for (const project of prefix.projects.keys()) {
      if (elsewhere.has(project)) continue;
      const shard = shardOf(project);
      const others = shards.get(shard);
      if (others === undefined) shards.set(shard, [{ prefix, project }]);
      else others.push({ prefix, project });
    }
  }
  return shards;
}

/**
 * Finds out about the files of a selection: from what was known (`stored`, by shard, and `earlier`, of an earlier look in the same
 * run), and by asking the source for what is missing, each object at most once for its hash and once for its METADATA. A failure
 * leaves the facts of that file unknown.
 */
export async function learnFacts(
  source: ObjectStore,
  selection: Selection,
  stored: (shard: string) => ShardState,
  earlier: Facts,
  options: FactOptions,
): Promise<FileKnowledge> {
  const facts = new FactTable();
  const questions: Question[] = [];
  const counts: FactCounts = {
    known: 0,
    hashesLearned: 0,
    metadataRead: 0,
    metadataExtracted: 0,
    metadataUnreadable: 0,
    skipped: 0,
  };
  for (const [shard, projects] of projectsByShard(selection)) {
    const known = stored(shard);
    const inShard = new Map<string, Question>();
    for (const { prefix, project } of projects) {
      const { files = [], hidden = [] } = prefix.projects.get(project) ?? {};
      for (const { source: file } of files) {
        const isHashed = prefix.configuration.hashes !== 'omit';
        inShard.set(file.key, question(file, isHashed, inShard.get(file.key), known));
      }
      for (const { source: file } of hidden) {
        if (!inShard.has(file.key)) inShard.set(file.key, hiddenQuestion(file, known));
      }
    }
    for (const one of inShard.values()) {
      if (one.hash || one.metadata !== undefined) questions.push(one);
      else {
        counts.known += 1;
        facts.set(one.source, currentFacts(one.source, one.sibling, one.known));
      }
    }
  }
  return { ...(await ask(source, questions, facts, counts, options)), facts, counts };

  function question(
    file: SourceFile,
    isHashed: boolean,
    other: Question | undefined,
    known: ShardState,
  ): Question {
    const before = other?.known ?? latest(file, earlier.get(file.key), known.get(file.key));
    const sibling = selection.metadata.get(file.key);
    const missing = missingFacts(file, sibling, before);
    const mayCompute = options.computeMissing && before?.hashOrigin === 'none';
    return {
      source: file,
      sibling,
      known: before,
      hash: other?.hash === true || (isHashed && (missing.hash || mayCompute)),
      metadata: metadataQuestion(file, sibling, before, missing.metadata),
    };
  }

  function hiddenQuestion(file: SourceFile, known: ShardState): Question {
    return {
      source: file,
      sibling: selection.metadata.get(file.key),
      known: latest(file, earlier.get(file.key), known.get(file.key)),
      hash: false,
      metadata: undefined,
    };
  }

  function metadataQuestion(
    file: SourceFile,
    sibling: MetadataObject | undefined,
    before: FileFacts | undefined,
    isMissing: boolean,
  ): Question['metadata'] {
    if (isMissing) return 'read';
    const mayExtract = options.extractMetadata && sibling === undefined && file.key.endsWith('.whl');
    return mayExtract && before?.metadata == null ? 'extract' : undefined;
  }
}

/** What was found out in this run, if it is about the same object. */
function latest(
  file: SourceFile,
  earlier: FileFacts | undefined,
  stored: FileFacts | undefined,
): FileFacts | undefined {
  return earlier?.etag === file.etag ? earlier : stored;
}

async function ask(
  source: ObjectStore,
  questions: readonly Question[],
  facts: FactTable,
  counts: FactCounts,
  options: FactOptions,
): Promise<Pick<FileKnowledge, 'partial' | 'replaced' | 'failures'>> {
  const partial = new Map<string, FileFacts>();
  const replaced: string[] = [];
  const failures: ObjectFailure[] = [];
  options.onAsked?.(questions.length);
  await mapConcurrently(questions, options.concurrency, async (one) => {
    const { key } = one.source;
    // What is not found out stays open: the next run asks again.
    partial.set(key, currentFacts(one.source, one.sibling, one.known));
    if (failures.length >= maxFailures || !options.mayContinue()) {
      counts.skipped += 1;
      return;
    }
    try {
      const found = await answer(source, one, counts, options);
      if (found === 'replaced') replaced.push(key);
      else {
        partial.delete(key);
        facts.set(one.source, found);
      }
    } catch (error) {
      failures.push({ key, error: asSlipwayError(error) });
    }
    options.onDone?.();
  });
  return { partial, replaced, failures };
}

async function answer(
  store: ObjectStore,
  { source, sibling, known, hash, metadata }: Question,
  counts: FactCounts,
  { computeMissing }: FactOptions,
): Promise<FileFacts | 'replaced'> {
  const answers: { hash?: FileAnswers['hash']; metadata?: FileAnswers['metadata'] } = {};
  let beside = sibling;
  if (hash) {
    const [learned] = await learnHashes(store, [source], {
      computeMissing,
      maxBytes: source.sizeBytes,
      concurrency: 1,
    });
    counts.hashesLearned += 1;
    if (learned === undefined || learned.kind === 'replaced') return 'replaced';
    answers.hash = learned.kind === 'known' ? learned.hash : { sha256: null, origin: 'none' };
  }
  if (metadata === 'read' && sibling !== undefined) {
    const read = await readMetadataFile(store, `${source.key}.metadata`, sibling);
    counts.metadataRead += 1;
    if (read.kind === 'replaced') return 'replaced';
    answers.metadata = read.facts;
  }
  if (metadata === 'extract') {
    const extracted = await extractMetadata(store, source);
    if (extracted.kind === 'replaced') return 'replaced';
    if (extracted.kind === 'unreadable') counts.metadataUnreadable += 1;
    else {
      counts.metadataExtracted += 1;
      const { etag, ...facts } = extracted.facts;
      beside = { etag, sizeBytes: 0 };
      answers.metadata = facts;
    }
  }
  return currentFacts(source, beside, known, answers);
}
