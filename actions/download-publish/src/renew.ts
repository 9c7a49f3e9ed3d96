import { asSlipwayError, type ObjectStore, type SlipwayError } from '@slipway/core';
import type { Addresses } from './addresses.ts';
import { type Cleaned, executeCleanup, type PreparedCleanup, prepareCleanup } from './cleanup.ts';
import type { Operation } from './operation.ts';
import { type Published, publishFiles } from './publish.ts';
import type { ReleaseFile } from './release-files.ts';

export interface Renewed {
  readonly published: Published;
  /** Undefined when it was not decided what is past, or the files could not be stored: then nothing is deleted. */
  readonly cleaned: Cleaned | undefined;
  readonly failure: SlipwayError | undefined;
}

/**
 * Publishes the files for the windows of now, and then deletes those that are past. What is past is decided by what was stored
 * before: what this run stores proves nothing about the clocks. Nothing is deleted unless all files are stored, and they are stored even
 * when nothing can be deleted. Throws what makes publishing impossible before anything is stored.
 */
export async function renewFiles(
  files: readonly ReleaseFile[],
  addresses: Addresses,
  store: ObjectStore,
  operation: Operation,
): Promise<Renewed> {
  const prepared = await preparedOrNot(store, operation);
  const published = await publishFiles(files, addresses, store, operation);
  if (published.failure !== undefined) {
    return { published, cleaned: undefined, failure: published.failure };
  }
  if ('failure' in prepared) return { published, cleaned: undefined, failure: prepared.failure };
  const cleaned = await executeCleanup(prepared, store, operation);
  return { published, cleaned, failure: cleaned.failure };
}

async function preparedOrNot(
  store: ObjectStore,
  operation: Operation,
): Promise<PreparedCleanup | { readonly failure: SlipwayError }> {
  try {
    return await prepareCleanup(store, operation);
  } catch (error) {
    return { failure: asSlipwayError(error) };
  }
}
