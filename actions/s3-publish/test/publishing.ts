import { createHash } from 'node:crypto';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type Clock, type ObjectStore, systemClock } from '@slipway/core';
import { type ActionResult, contentsText } from '@slipway/runner';
import { type ActionRunResult, runAction } from '@slipway/testkit';
import { action } from '../src/action.ts';
import { publishFiles } from '../src/publish.ts';

export { makeTree, type Tree, treeOf } from '@slipway/testkit';

/** Built by `scripts/bundle s3-publish`. */
export const bundle = fileURLToPath(new URL('../dist/index.js', import.meta.url));

export type InputTexts = Readonly<Record<string, string | undefined>>;

export function sha256Of(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

/** Publishes to a directory in this process. */
export function publishTo(directory: string, inputs: InputTexts): Promise<ActionRunResult> {
  return runAction(action, { destination: pathToFileURL(directory).href, ...inputs });
}

/** Publishes to a store that simulates a bucket. */
export function publishToStore(
  store: ObjectStore,
  inputs: InputTexts,
  clock: Clock = systemClock,
): Promise<ActionRunResult> {
  const texts = { destination: store.url, 'aws-region': 'us-east-1', ...inputs };
  return runAction(action, texts, {
    clock,
    run: (given, context) => publishFiles(given, async () => store, context),
  });
}

/** The contents of a result file of a run. */
export function fileOf(result: ActionResult, output: string): string {
  const file = result.files.find((candidate) => candidate.output === output);
  if (file === undefined) throw new Error(`the run wrote no ${output}`);
  return contentsText(file.contents);
}

export function changedKeys(result: ActionResult): readonly string[] {
  return fileOf(result, 'changed-keys').split('\n').slice(0, -1);
}
