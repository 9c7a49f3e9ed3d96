import type { ProcessRun } from './process.ts';

/** One side of a comparison. */
export interface Contender {
  readonly label: string;
  /** Undoes the changes of the previous run; not timed. */
  prepare?(): Promise<void> | void;
  /** The timed part, a whole process or several. */
  run(): Promise<ProcessRun>;
  /** Throws if a run did not do its work; not timed. */
  check?(): Promise<void> | void;
  /** The size of a run's result, if that matters besides the time. */
  resultBytes?(): number;
  /** The number of pieces that one run processes, if results are compared by piece: a sample may be smaller than the whole. */
  readonly pieces: number;
}

/** The time of a peer on another machine, if it cannot run here. */
export interface PublishedPeer {
  readonly label: string;
  readonly msPerPiece: number;
}

/** The aim. `ratio`: how many times faster than the peer. */
export type Aim =
  | { readonly kind: 'ratio'; readonly atLeast: number }
  | { readonly kind: 'peak-rss'; readonly belowBytes: number }
  | { readonly kind: 'extra-ms'; readonly atMost: number };

export interface Measurement {
  readonly name: string;
  readonly entryCount: number | undefined;
  readonly ours: Contender;
  readonly peer: Contender | PublishedPeer | undefined;
  /** Which time of a run counts. */
  readonly clock: 'wall' | 'first-line';
  readonly aim: Aim | undefined;
}

/** The runs of one side, in ms per piece, and their median. */
export interface Sample {
  readonly label: string;
  readonly runsMs: readonly number[];
  readonly pieces: number;
  readonly medianMsPerPiece: number;
  readonly peakRssBytes: number | undefined;
  /** The size of the last run's result. */
  readonly resultBytes?: number | undefined;
  readonly measuredElsewhere: boolean;
}

export interface Result {
  readonly name: string;
  readonly entryCount: number | undefined;
  readonly ours: Sample;
  readonly peer: Sample | undefined;
  /** How many times faster than the peer, by medians. */
  readonly ratio: number | undefined;
  readonly aim: Aim | undefined;
  readonly reached: boolean | undefined;
}

export interface MeasureOptions {
  readonly runs: number;
  /** A side that has used this much time is not run again, however many runs were requested. */
  readonly budgetMs: number;
}

/** Runs both sides in turn, so that other load affects both. Throws what a run throws. */
export async function measure(measurement: Measurement, options: MeasureOptions): Promise<Result> {
  const { ours, peer } = measurement;
  const runs: { readonly ours: ProcessRun[]; readonly peer: ProcessRun[] } = { ours: [], peer: [] };
  const spent = (list: readonly ProcessRun[]): number => list.reduce((sum, run) => sum + run.wallMs, 0);
  for (let round = 0; round < options.runs; round += 1) {
    if (spent(runs.ours) < options.budgetMs) runs.ours.push(await runOnce(ours));
    if (peer !== undefined && 'run' in peer && spent(runs.peer) < options.budgetMs) {
      runs.peer.push(await runOnce(peer));
    }
  }
  const oursSample = sampleOf(ours, runs.ours, measurement.clock);
  const peerSample =
    peer === undefined
      ? undefined
      : 'run' in peer
        ? sampleOf(peer, runs.peer, measurement.clock)
        : elsewhere(peer);
  const ratio =
    peerSample === undefined ? undefined : peerSample.medianMsPerPiece / oursSample.medianMsPerPiece;
  const { name, entryCount, aim } = measurement;
  return {
    name,
    entryCount,
    ours: oursSample,
    peer: peerSample,
    ratio,
    aim,
    reached: aim === undefined ? undefined : isReached(aim, oursSample, peerSample),
  };
}

async function runOnce(contender: Contender): Promise<ProcessRun> {
  await contender.prepare?.();
  const run = await contender.run();
  await contender.check?.();
  return run;
}

function sampleOf(contender: Contender, runs: readonly ProcessRun[], clock: Measurement['clock']): Sample {
  const runsMs = runs.map((run) => (clock === 'wall' ? run.wallMs : (run.firstLineMs ?? Number.NaN)));
  const peaks = runs.flatMap((run) => (run.peakRssBytes === undefined ? [] : [run.peakRssBytes]));
  return {
    label: contender.label,
    runsMs,
    pieces: contender.pieces,
    medianMsPerPiece: median(runsMs) / contender.pieces,
    peakRssBytes: peaks.length === 0 ? undefined : Math.max(...peaks),
    resultBytes: runs.length === 0 ? undefined : contender.resultBytes?.(),
    measuredElsewhere: false,
  };
}

function elsewhere(peer: PublishedPeer): Sample {
  return {
    label: peer.label,
    runsMs: [],
    pieces: 1,
    medianMsPerPiece: peer.msPerPiece,
    peakRssBytes: undefined,
    measuredElsewhere: true,
  };
}

function isReached(aim: Aim, ours: Sample, peer: Sample | undefined): boolean | undefined {
  switch (aim.kind) {
    case 'peak-rss':
      return ours.peakRssBytes === undefined ? undefined : ours.peakRssBytes < aim.belowBytes;
    case 'ratio':
      return peer === undefined ? undefined : peer.medianMsPerPiece / ours.medianMsPerPiece >= aim.atLeast;
    case 'extra-ms':
      return peer === undefined ? undefined : ours.medianMsPerPiece - peer.medianMsPerPiece <= aim.atMost;
  }
}

/** The middle value, or the mean of the two middle ones; NaN for no values. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
