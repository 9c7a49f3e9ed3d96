import { underPrefix } from '@slipway/aws';
import { UserError } from '@slipway/core';
import type { ActionContext } from '@slipway/runner';
import { readManifestFile, readPathsFile } from './files.ts';
import type { Inputs } from './inputs.ts';
import { eachOf, strangeTargets } from './parsers.ts';
import type { PlanInput } from './plan.ts';

/** Reads the files that the inputs name. Throws `UserError` `input-invalid` for what cannot be used of them. */
export async function observe(given: Inputs, context: ActionContext): Promise<PlanInput> {
  const { clock, workDirectory } = context;
  const prefix = given.pathPrefix ?? '';
  try {
    const more = given.pathsFile === undefined ? [] : await readPathsFile(given.pathsFile, workDirectory);
    const listed =
      given.proveFile === undefined ? [] : await readManifestFile(given.proveFile, workDirectory);
    const asked = [...given.paths, ...more];
    const strange = strangeTargets(asked, given.baseUrl);
    if (strange !== undefined) throw new Error(strange);
    return {
      targets: eachOf(
        asked,
        ({ origin, ...target }) => underPrefix(target, origin === undefined ? prefix : ''),
        ({ name }) => name,
      ),
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
