import { asSlipwayError, type SlipwayError } from '@slipway/core';
import { type Cleaned, executeCleanup } from '../cleanup/execute.ts';
import { type PreparedCleanup, prepareCleanup } from '../cleanup/observe.ts';
import type { FileOperation, Operation } from '../operation.ts';
import { type Published, publishFiles } from './publish.ts';

export interface Renewed {
  readonly published: Published;
  /** Undefined if past windows could not be determined, or files could not be stored: then nothing is deleted. */
  readonly cleaned: Cleaned | undefined;
  readonly failure: SlipwayError | undefined;
}

/**
 * Publishes the files for the windows that are due, and then deletes past ones. Which are past is decided before anything is
 * stored, because what this run stores proves nothing about the clocks. Nothing is deleted unless all files are stored, and they
 * are stored even if nothing can be deleted. Throws before anything is stored if publishing is impossible.
 */
export async function renewFiles(operation: FileOperation): Promise<Renewed> {
  const prepared = await preparedOrFailure(operation);
  const published = await publishFiles(operation);
  const failure = published.failure ?? ('failure' in prepared ? prepared.failure : undefined);
  if (failure !== undefined || 'failure' in prepared) return { published, cleaned: undefined, failure };
  const cleaned = await executeCleanup(prepared, operation);
  return { published, cleaned, failure: cleaned.failure };
}

async function preparedOrFailure(
  operation: Operation,
): Promise<PreparedCleanup | { readonly failure: SlipwayError }> {
  try {
    return await prepareCleanup(operation);
  } catch (error) {
    return { failure: asSlipwayError(error) };
  }
}
