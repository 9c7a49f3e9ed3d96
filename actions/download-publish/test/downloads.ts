import { hash } from 'node:crypto';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type Clock, type ObjectStore, systemClock } from '@slipway/core';
import { type ActionRunResult, type Minio, makeTree, runAction } from '@slipway/testkit';
import { action, operate } from '../src/action.ts';

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

/** A release of four platforms in a workspace, and the inputs that name its files. */
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

/** Runs the action in this process on an open store. */
export function runOnStore(
  store: ObjectStore,
  workDirectory: string,
  inputs: InputTexts,
  clock: Clock = systemClock,
): Promise<ActionRunResult> {
  const texts = { secret, destination: store.url, 'aws-region': 'us-east-1', ...inputs };
  return runAction(action, texts, {
    workDirectory,
    clock,
    run: (given, context) => operate(given, async () => store, context),
  });
}

/** A clock that stands still until it is moved. */
export function handClock(startMs: number): Clock & { move(byMs: number): void } {
  let nowMs = startMs;
  return {
    ...systemClock,
    nowMs: () => nowMs,
    move(byMs) {
      nowMs += byMs;
    },
  };
}

/** A store with the given clock: it reports its time, and dates objects by it. */
export function storeByClock(store: ObjectStore, clock: Clock): ObjectStore {
  const written = new Map<string, number>();
  return {
    url: store.url,
    writable: true,
    listable: true,
    head: (key) => store.head(key),
    read: (key, options) => store.read(key, options),
    readStream: (key, options) => store.readStream(key, options),
    async *list(prefix) {
      for await (const info of store.list(prefix)) yield { ...info, modifiedAtMs: written.get(info.key) };
    },
    async write(key, source, options) {
      const stored = await store.write(key, source, options);
      written.set(key, clock.nowMs());
      return stored;
    },
    delete: (key) => store.delete(key),
    nowMs: async () => clock.nowMs(),
  };
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
