import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { crc32 } from 'node:zlib';
import { InternalError } from '@slipway/core';
import { type FileIdentity, readStable } from '@slipway/local-files';
import { chunkBytes, deflatePiece } from './deflate.ts';
import type { PackSource } from './entries.ts';
import { type ProgramFormat, programFormat } from './program-format.ts';
import { readAhead } from './read-ahead.ts';
import { Spool } from './spool.ts';

/** How many pieces are in progress: enough to keep all four of libuv's threads busy. */
const piecesInFlight = 10;

/** What is known about an entry once all its bytes have been read. */
export interface PackedMeasures {
  /** The compression method of the format: none, or deflate. */
  readonly method: 'store' | 'deflate';
  readonly sizeBytes: number;
  readonly compressedSizeBytes: number;
  readonly crc32: number;
  readonly sha256: string;
  /** The format of the program, if it is one. */
  readonly program: ProgramFormat | undefined;
  /** The identity of the source file. */
  readonly identity: FileIdentity | undefined;
}

/** An entry's bytes as stored in an archive. */
export interface PackedData extends PackedMeasures {
  bytes(): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

export interface PackOptions {
  /** 0 stores, 1 to 9 compresses. */
  readonly level: number;
  /** For data that does not fit into memory. */
  readonly scratchDirectory: string;
  /** Called with the number of bytes read. */
  readonly onBytes: (count: number) => void;
}

/**
 * Compresses the sources in order on several threads, and the pieces of a large file in parallel. Close each result before
 * requesting the next. Throws like `readStable`.
 */
export async function* packFiles(
  sources: readonly PackSource[],
  options: PackOptions,
): AsyncGenerator<PackedData, void> {
  if (options.level === 0) {
    for (const source of sources) yield await storeFile(source, options);
    return;
  }
  let spool = new Spool(options.scratchDirectory);
  try {
    for await (const { deflated, end } of readAhead(deflatePieces(sources, options), piecesInFlight)) {
      const bytes = await deflated;
      if (end?.plain !== undefined && end.plain.length <= bytes.length) {
        await spool.add(end.plain);
        yield packed(spool, { ...end.measures, method: 'store' });
      } else {
        await spool.add(bytes);
        if (end === undefined) continue;
        yield packed(spool, { ...end.measures, method: 'deflate' });
      }
      await spool.close();
      spool = new Spool(options.scratchDirectory);
    }
  } finally {
    await spool.close();
  }
}

function packed(spool: Spool, measures: Omit<PackedMeasures, 'compressedSizeBytes'>): PackedData {
  return {
    ...measures,
    compressedSizeBytes: spool.sizeBytes,
    bytes: () => spool.bytes(),
    close: () => spool.close(),
  };
}

interface Piece {
  readonly deflated: Promise<Uint8Array>;
  /** With the last piece of a source. */
  readonly end?: {
    readonly measures: Omit<PackedMeasures, 'method' | 'compressedSizeBytes'>;
    /** The uncompressed bytes, if this piece has all of them. */
    readonly plain: Uint8Array | undefined;
  };
}

async function* deflatePieces(
  sources: readonly PackSource[],
  { level, onBytes }: PackOptions,
): AsyncGenerator<Piece, void> {
  for (const source of sources) {
    const measure = new Measure(source);
    let before: Uint8Array | undefined;
    let isFirst = true;
    for await (const piece of withLast(readSource(source, measure))) {
      measure.add(piece.bytes);
      const deflated = deflatePiece(piece.bytes, { level, before, isLast: piece.isLast });
      // Awaited when its turn comes; if it never does, something else has failed.
      deflated.catch(() => undefined);
      onBytes(piece.bytes.length);
      const plain = isFirst ? piece.bytes : undefined;
      yield piece.isLast ? { deflated, end: { measures: measure.result(), plain } } : { deflated };
      before = piece.bytes;
      isFirst = false;
    }
  }
}

/** Measures a source, and reads it again when its bytes are needed; it must not change in between. */
async function storeFile(source: PackSource, { onBytes }: PackOptions): Promise<PackedData> {
  const measure = new Measure(source);
  for await (const piece of readSource(source, measure)) {
    measure.add(piece);
    onBytes(piece.length);
  }
  const measures = measure.result();
  return {
    ...measures,
    method: 'store',
    compressedSizeBytes: measures.sizeBytes,
    bytes: () => readSource(source, new Measure(source), measures.identity),
    close: async () => undefined,
  };
}

class Measure {
  identity: FileIdentity | undefined;
  readonly #source: PackSource;
  readonly #sha256 = createHash('sha256');
  #program: ProgramFormat | undefined;
  #crc32 = 0;
  #sizeBytes = 0;

  constructor(source: PackSource) {
    this.#source = source;
  }

  add(piece: Uint8Array): void {
    if (this.#sizeBytes === 0 && this.#source.kind === 'file') {
      this.#program = programFormat(piece, basename(this.#source.path));
    }
    this.#sha256.update(piece);
    this.#crc32 = crc32(piece, this.#crc32);
    this.#sizeBytes += piece.length;
  }

  result(): Omit<PackedMeasures, 'method' | 'compressedSizeBytes'> {
    return {
      sizeBytes: this.#sizeBytes,
      crc32: this.#crc32,
      sha256: this.#sha256.digest('hex'),
      program: this.#program,
      identity: this.identity,
    };
  }
}

/** The pieces of a source. Sets the identity of the file in `measure`. */
async function* readSource(
  source: PackSource,
  measure: Measure,
  expectedIdentity?: FileIdentity,
): AsyncGenerator<Uint8Array, void> {
  if (source.kind === 'text') {
    const bytes = Buffer.from(source.text);
    for (let start = 0; start < bytes.length; start += chunkBytes)
      yield bytes.subarray(start, start + chunkBytes);
    return;
  }
  yield* readStable(source.path, {
    chunkBytes,
    expectedSizeBytes: source.sizeBytes,
    expectedIdentity,
    onOpened: (identity) => {
      measure.identity = identity;
    },
  });
}

/** Marks the last piece; yields one empty piece if there are none. */
async function* withLast(
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<{ readonly bytes: Uint8Array; readonly isLast: boolean }, void> {
  let held: Uint8Array | undefined;
  for await (const piece of pieces) {
    if (held !== undefined) yield { bytes: held, isLast: false };
    held = piece;
  }
  yield { bytes: held ?? new Uint8Array(), isLast: true };
}

/** For an entry that should have been packed. */
export function packedOrThrow(result: IteratorResult<PackedData, void>): PackedData {
  if (result.done !== true) return result.value;
  throw new InternalError('fewer files were packed than there are entries');
}
