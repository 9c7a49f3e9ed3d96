import type { Measurement } from './measure.ts';
import type { Gpg, Spack } from './peers.ts';
import { type Command, type ProcessRun, runProcess } from './process.ts';
import type { SlipwayProgram } from './slipway.ts';
import type { Workspace } from './workspace.ts';

/** The programs that take part. */
export interface Field {
  readonly workspace: Workspace;
  readonly slipway: SlipwayProgram;
  readonly spack: Spack | undefined;
  readonly gpg: Gpg | undefined;
}

/** A measurement that can be requested; the mirrors it needs are made on demand. */
export interface Plan {
  readonly name: string;
  readonly minRuns?: number;
  readonly maxRuns?: number;
  prepare(): Promise<Measurement>;
  /** Ends what `prepare` started, even after a failure. */
  finish?(): Promise<void>;
}

/** How many entries are new in an update or a small publish. */
export const newEntryCount = 100;

/** A plan of whole processes on mirrors of one size. */
export function plan(
  name: string,
  entryCount: number,
  prepare: () => Promise<Pick<Measurement, 'ours' | 'peer' | 'aim'>>,
): Plan {
  return { name, prepare: async () => ({ name, entryCount, clock: 'wall', ...(await prepare()) }) };
}

/** Runs this command whenever it is called. */
export function running(command: Command): () => Promise<ProcessRun> {
  return () => runProcess(command);
}
