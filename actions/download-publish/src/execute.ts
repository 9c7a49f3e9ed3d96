import { asSlipwayError, mapConcurrently, type ProgressPort, type SlipwayError } from '@slipway/core';
import type { Plan } from './plan.ts';

const concurrency = 16;

export interface MeasuredFile {
  readonly path: string;
  readonly sizeBytes: number;
}

export interface Execution {
  /** What was done, also when it failed afterwards. */
  readonly measured: readonly MeasuredFile[];
  readonly failure: SlipwayError | undefined;
}

/** Performs the plan and decides nothing: `sizeOf` tells the size of a file in bytes. */
export async function execute(
  { steps }: Plan,
  sizeOf: (path: string) => Promise<number>,
  progress: ProgressPort,
): Promise<Execution> {
  const measured: MeasuredFile[] = [];
  progress.start('Measure the files', steps.length, 'entries');
  try {
    await mapConcurrently(steps, concurrency, async ({ path }) => {
      measured.push({ path, sizeBytes: await sizeOf(path) });
      progress.advance(1);
    });
  } catch (error) {
    return { measured, failure: asSlipwayError(error) };
  }
  return { measured, failure: undefined };
}
