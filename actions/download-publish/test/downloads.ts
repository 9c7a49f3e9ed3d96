import { hash } from 'node:crypto';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type Clock, systemClock } from '@slipway/core';
import { type ActionRunResult, type Minio, makeTree, runAction } from '@slipway/testkit';
import { action } from '../src/action.ts';

/** Built by `scripts/bundle download-publish`. */
export const bundle = fileURLToPath(new URL('../dist/index.js', import.meta.url));

export const secret = 'the secret of a test, which no log may have';
export const previousSecret = 'the secret of a test before, as secret as the other';
export const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;

export type InputTexts = Readonly<Record<string, string | undefined>>;

export function sha256Of(content: string | Uint8Array): string {
  return hash('sha256', content);
}

/** Four platforms, as a release has them, in a workspace, and the inputs that name them. */
export function fourPlatforms(edition = ''): { readonly workspace: string; readonly files: string } {
  const platforms = ['linux-x64', 'macos-arm64', 'macos-x64', 'windows-x64'];
  const workspace = makeTree(
    Object.fromEntries(platforms.map((platform) => [`out/${platform}.zip`, `${platform} ${edition}`])),
  );
  return { workspace, files: platforms.map((platform) => `${platform}: out/${platform}.zip`).join('\n') };
}

/** A clock that is ahead of the true one. */
export function clockAhead(aheadMs: number): Clock {
  return { ...systemClock, nowMs: () => Date.now() + aheadMs };
}

/** Runs the action in this process on a directory. */
export function runOn(
  directory: string,
  workspace: string,
  inputs: InputTexts,
  clock: Clock = systemClock,
): Promise<ActionRunResult> {
  const all = { secret, destination: pathToFileURL(directory).href, ...inputs };
  return runAction(action, all, { workDirectory: workspace, clock });
}

/** The inputs to reach a bucket. */
export function bucketInputs(
  { endpointUrl, credentials }: Pick<Minio, 'endpointUrl' | 'credentials'>,
  bucket: string,
): Record<string, string> {
  return {
    destination: `s3://${bucket}`,
    'endpoint-url': endpointUrl,
    'force-path-style': 'true',
    'access-key-id': credentials.accessKeyId,
    'secret-access-key': credentials.secretAccessKey,
  };
}
