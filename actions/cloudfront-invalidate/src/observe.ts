import { parseInvalidationPath, underPrefix } from '@slipway/aws';
import { counted, type ObjectStore, UserError } from '@slipway/core';
import { everyPath, readPendingRecord } from '@slipway/pending-invalidations';
import type { ActionContext } from '@slipway/runner';
import { readManifestFile, readPathsFile } from './files.ts';
import type { Inputs } from './inputs.ts';
import { type AskedTarget, eachOf, strangeTargets } from './parsers.ts';
import { unnamedDigests } from './pending.ts';
import type { PlanInput } from './plan.ts';

/**
 * Reads the files that the inputs name, and what is pending in the destination. Throws `UserError` `input-invalid` if they cannot
 * be used.
 */
export async function observe(
  given: Inputs,
  destination: ObjectStore | undefined,
  context: ActionContext,
): Promise<PlanInput> {
  // Before anything is invalidated, because an invalidation does not cover what is replaced later.
  const readAtMs = context.clock.nowMs();
  const record = destination === undefined ? [] : await readPendingRecord(destination);
  const publishes = record ?? [];
  const { clock, workDirectory } = context;
  const prefix = given.pathPrefix ?? '';
  try {
    const more = given.pathsFile === undefined ? [] : await readPathsFile(given.pathsFile, workDirectory);
    const listed =
      given.proveFile === undefined ? [] : await readManifestFile(given.proveFile, workDirectory);
    const named: readonly AskedTarget[] = [
      ...given.paths,
      ...more,
      ...publishes.flatMap(({ paths }) => paths).map(parseInvalidationPath),
    ];
    const unnamed = unnamedDigests({ publishes, readAtMs, asked: named });
    if (unnamed > 0) {
      context.progress.info(
        `The destination has ${counted(unnamed, 'path')} pending as digests only, and no given path matches them: ${everyPath} is invalidated for them.`,
      );
    }
    const everything = unnamed > 0 ? [parseInvalidationPath(everyPath)] : [];
    const asked: readonly AskedTarget[] = [...named, ...everything];
    const strange = strangeTargets(asked, given.baseUrl);
    if (strange !== undefined) throw new Error(strange);
    return {
      targets: eachOf(
        asked,
        ({ origin, ...target }) => underPrefix(target, origin === undefined ? prefix : ''),
        ({ name }) => name,
      ),
      pending: { publishes, readAtMs, asked },
      unknownDestination: record === undefined ? destination?.url : undefined,
      tags: given.cacheTags,
      budget: {
        maxPaths: given.maxPaths,
        maxWildcards: given.maxWildcards,
        minDepth: given.wildcardDepth,
      },
      reference: given.reference,
      runReference: `${clock.nowMs()} ${clock.random()}`,
      proofs: [...given.prove, ...listed.map((proof) => ({ ...proof, isListed: true }))],
      baseUrl: given.baseUrl,
      prefix,
      wait: given.wait,
    };
  } catch (error) {
    throw new UserError('input-invalid', error instanceof Error ? error.message : String(error), {
      cause: error,
    });
  }
}
