import { readFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type ActionProcessOptions, type ActionRun, actionProcess } from '@slipway/testkit';

export const actionNames = [
  'buildcache-sign',
  'buildcache-publish',
  'buildcache-index',
  'buildcache-verify',
] as const;
export type ActionName = (typeof actionNames)[number];

/** Runs an action's bundle as a step of a job, as the runner does. */
export function step(
  name: ActionName | 'cloudfront-invalidate',
  inputs: Readonly<Record<string, string>>,
  options: Omit<ActionProcessOptions, 'inputs'> = {},
): Promise<ActionRun> {
  const bundle = fileURLToPath(new URL(`../../../actions/${name}/dist/index.js`, import.meta.url));
  return actionProcess(bundle, { ...options, inputs });
}

export function urlOf(directory: string): string {
  return pathToFileURL(directory).href;
}

/** The JSON report that a step left behind. */
export function reportOf(run: ActionRun): unknown {
  const path = run.outputs['report'];
  if (path === undefined) throw new Error(`no report:\n${run.log}`);
  return JSON.parse(readFileSync(path, 'utf8'));
}
