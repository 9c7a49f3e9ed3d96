import { hash } from 'node:crypto';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { mapConcurrently, type ObjectStore } from '@slipway/core';
import { openStore } from '@slipway/store';
import { type Minio, temporaryDirectory } from '@slipway/testkit';

/** A place to publish a mirror. */
export interface MirrorPlace {
  readonly url: string;
  /** What a step needs to get there, besides the URL. */
  readonly inputs: Readonly<Record<string, string>>;
  readonly environment: Readonly<Record<string, string>>;
  open(): Promise<ObjectStore>;
}

/** Returns the place of a new mirror with that name. */
export type MirrorPlaces = (name: string) => MirrorPlace;

/** A mirror in this directory. */
export function directoryPlace(directory: string): MirrorPlace {
  const { href: url } = pathToFileURL(directory);
  return { url, inputs: {}, environment: {}, open: () => openStore(url) };
}

/** Mirrors in local directories. */
export function directoryPlaces(): MirrorPlaces {
  const directory = temporaryDirectory('mirrors');
  return (name) => directoryPlace(join(directory, name));
}

/** Mirrors in a MinIO bucket, with credentials in the step's environment. */
export function minioPlaces(minio: Minio, bucket: string): MirrorPlaces {
  const { credentials, endpointUrl, settings } = minio;
  return (name) => {
    const url = `s3://${bucket}/mirrors of tests/${name}`;
    return {
      url,
      inputs: { 'endpoint-url': endpointUrl, 'force-path-style': 'true' },
      environment: {
        AWS_ACCESS_KEY_ID: credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      },
      open: () => openStore(url, { s3: { settings, credentials: async () => credentials } }),
    };
  };
}

/** The keys of everything in a mirror. */
export async function keysIn(place: MirrorPlace): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const { key } of (await place.open()).list('')) keys.push(key);
  return keys.sort();
}

/** Copies everything in `source` to `target`, object by object. */
export async function copyMirror(source: MirrorPlace, target: MirrorPlace): Promise<void> {
  const [from, to] = await Promise.all([source.open(), target.open()]);
  await mapConcurrently(await keysIn(source), 8, async (key) => {
    const bytes = (await from.read(key, { maxBytes: 2 ** 24 }))?.body ?? new Uint8Array();
    await to.write(
      key,
      { kind: 'bytes', bytes },
      {
        condition: 'absent',
        contentType: 'application/octet-stream',
        cache: 'document',
        sha256: hash('sha256', bytes),
      },
    );
  });
}

export async function removeMirror(place: MirrorPlace): Promise<void> {
  const store = await place.open();
  await mapConcurrently(await keysIn(place), 8, (key) => store.delete(key));
}
