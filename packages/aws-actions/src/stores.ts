import type { MessagePort } from 'node:worker_threads';
import { credentialPort, credentialsFromPort, scopedSessionPolicy } from '@slipway/aws';
import { type Environment, type ObjectStore, proxyVariables } from '@slipway/core';
import type { ActionContext } from '@slipway/runner';
import { openStore, parseStoreUrl, type S3Settings, type S3StoreOptions } from '@slipway/store';
import { openAwsAccess } from './credentials.ts';
import type { AwsInputs } from './inputs.ts';

export type StoreAccess = 'read' | 'write';

export interface StoreUse {
  /** `file://`: fail with `mirror-missing` if the directory does not exist. */
  readonly requireExisting?: boolean | undefined;
  /** How objects are stored on S3, beyond the shared inputs. */
  readonly s3?: Omit<S3Settings, 'region' | 'endpointUrl' | 'forcePathStyle'> | undefined;
  /** S3: accept keys that end in a slash. A store that is opened from a seed does not. */
  readonly slashKeys?: boolean | undefined;
}

/** An open store, and what another thread needs to open it too. */
export interface SharedStore {
  readonly store: ObjectStore;
  /** Call once per worker thread. */
  seed(): TransferredSeed;
  /** How worker threads open it, if this program can start any. */
  readonly workers: { readonly entry: string; storeSeed(): TransferredSeed } | undefined;
}

/** Opens the same store in a worker thread. Can be sent between threads; its port must be transferred. */
export interface StoreSeed {
  readonly url: string;
  readonly requireExisting: boolean;
  readonly proxyEnvironment: Environment;
  readonly s3?: { readonly settings: S3Settings; readonly credentials: MessagePort } | undefined;
}

export interface TransferredSeed {
  readonly seed: StoreSeed;
  /** For the `transferList` of the Worker or of `postMessage`. */
  readonly transferList: readonly MessagePort[];
}

/**
 * Opens the store at a URL: `s3://` with credentials from the inputs, fetched and checked first; `file://` and `https://` as usual.
 * Throws what `openStore` and the source of credentials throw.
 */
export async function openAwsStore(
  url: string,
  given: AwsInputs,
  context: ActionContext,
  access: StoreAccess,
  use: StoreUse = {},
): Promise<ObjectStore> {
  const { store } = await openSharedStore(url, given, context, access, use);
  return store;
}

/** Like `openAwsStore`, for runs that also open the store in worker threads. */
export async function openSharedStore(
  url: string,
  given: AwsInputs,
  context: ActionContext,
  access: StoreAccess,
  use: StoreUse = {},
): Promise<SharedStore> {
  const s3 = s3Access(url, given, context, access, use);
  await s3?.credentials();
  const { clock, environment, progress } = context;
  const requireExisting = use.requireExisting ?? false;
  const store = await openStore(url, {
    clock,
    requireExisting,
    proxyEnvironment: environment,
    s3,
    onRetry: (reason) => progress.info(reason),
  });
  const seed = (): TransferredSeed => storeSeed({ url, requireExisting, environment, s3 });
  const { workerEntry } = context;
  return {
    store,
    seed,
    workers: workerEntry === undefined ? undefined : { entry: workerEntry, storeSeed: seed },
  };
}

function s3Access(
  url: string,
  given: AwsInputs,
  context: ActionContext,
  access: StoreAccess,
  use: StoreUse,
): S3StoreOptions | undefined {
  const place = parseStoreUrl(url);
  if (place.kind !== 's3') return undefined;
  const { bucket, prefix } = place;
  const acl = use.s3?.acl !== undefined;
  const { region, credentials } = openAwsAccess(given, context, {
    scopedPolicy: ({ partition }) => scopedSessionPolicy({ partition, bucket, prefix, access, acl }),
  });
  const { endpointUrl, forcePathStyle } = given;
  const settings = { ...use.s3, region, endpointUrl, forcePathStyle };
  return { settings, credentials, slashKeys: use.slashKeys };
}

/**
 * What a worker thread needs to open a store: plain settings, and a port to ask this thread for credentials, so that tokens are
 * fetched in one place and a Worker's start data contains no secret.
 */
export function storeSeed(store: {
  readonly url: string;
  readonly requireExisting: boolean;
  readonly environment: Environment;
  readonly s3: S3StoreOptions | undefined;
}): TransferredSeed {
  const { url, requireExisting, environment, s3 } = store;
  const proxyEnvironment = proxyVariables(environment);
  const port = s3 === undefined ? undefined : credentialPort(s3.credentials);
  return {
    seed: {
      url,
      requireExisting,
      proxyEnvironment,
      s3: s3 === undefined || port === undefined ? undefined : { settings: s3.settings, credentials: port },
    },
    transferList: port === undefined ? [] : [port],
  };
}

/** Opens a seed's store in a worker thread. Throws what `openStore` throws. */
export function openStoreFromSeed({
  url,
  requireExisting,
  proxyEnvironment,
  s3,
}: StoreSeed): Promise<ObjectStore> {
  return openStore(url, {
    requireExisting,
    proxyEnvironment,
    s3:
      s3 === undefined
        ? undefined
        : { settings: s3.settings, credentials: credentialsFromPort(s3.credentials) },
  });
}
