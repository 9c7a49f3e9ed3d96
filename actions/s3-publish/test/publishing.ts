import { createHash } from 'node:crypto';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type Clock, type ObjectStore, silentProgress, systemClock } from '@slipway/core';
import { type ActionResult, contentsText, parseInputs } from '@slipway/runner';
import { type ActionRunResult, runAction, temporaryDirectory } from '@slipway/testkit';
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

/** Publishes to a store that stands for a bucket. */
export async function publishToStore(
  store: ObjectStore,
  inputs: InputTexts,
  clock: Clock = systemClock,
): Promise<ActionResult & { readonly log: readonly string[] }> {
  const texts: InputTexts = { destination: store.url, 'aws-region': 'us-east-1', ...inputs };
  const workDirectory = temporaryDirectory('work');
  const surroundings = { workDirectory, environment: {} };
  const given = await parseInputs(
    action,
    { textOf: (name) => texts[name], spell: (name) => `input "${name}"` },
    surroundings,
  );
  const log: string[] = [];
  const result = await publishFiles(given, async () => store, {
    progress: { ...silentProgress, info: (line) => void log.push(line) },
    clock,
    workDirectory,
    environment: {},
    mask: () => undefined,
  });
  return { ...result, log };
}

/** What a result file of a run says. */
export function fileOf(result: ActionResult, output: string): string {
  const file = result.files.find((candidate) => candidate.output === output);
  if (file === undefined) throw new Error(`the run wrote no ${output}`);
  return contentsText(file.contents);
}

export function changedKeys(result: ActionResult): readonly string[] {
  return fileOf(result, 'changed-keys').split('\n').slice(0, -1);
}
