import { resolve, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { openMirror } from '@slipway/buildcache-actions';
import { type ObjectStore, UserError } from '@slipway/core';
import type { ActionContext } from '@slipway/runner';

/** Opens the directory for the signed copy, which must be neither in the staged one nor around it. */
export function openOutput(path: string, staged: ObjectStore, context: ActionContext): Promise<ObjectStore> {
  const output = resolve(context.workDirectory, path);
  const source = fileURLToPath(staged.url);
  if (`${output}${sep}`.startsWith(`${source}${sep}`) || `${source}${sep}`.startsWith(`${output}${sep}`)) {
    throw new UserError('input-invalid', 'output lies in the staged buildcache, or around it', {
      hint: 'Name another directory, or leave output out to sign in place.',
    });
  }
  return openMirror(pathToFileURL(output).href);
}
