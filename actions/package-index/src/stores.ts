import { openAwsStore, type StoreAccess } from '@slipway/aws-actions';
import type { ObjectStore } from '@slipway/core';
import type { ActionContext } from '@slipway/runner';
import type { StoreAddress } from '@slipway/simple-index';
import { parseStoreUrl } from '@slipway/store';
import type { Request } from './configuration.ts';
import type { Inputs } from './inputs.ts';

export interface Stores {
  readonly source: ObjectStore;
  /** In the order of the configuration; empty if the source gets the pages. */
  readonly destinations: readonly ObjectStore[];
}

/** Whether a request needs credentials of S3. */
export function needsS3({ source, configuration }: Request): boolean {
  return [source, ...configuration.destinations].some(({ url }) => parseStoreUrl(url).kind === 's3');
}

/** Opens the stores of a run, for writing only where it writes. Throws what `openAwsStore` throws. */
export async function openStores(
  { source, configuration }: Request,
  given: Inputs,
  context: ActionContext,
): Promise<Stores> {
  const isReading = given.operation === 'list' || given.dryRun;
  const { destinations } = configuration;
  const getsPages = destinations.length === 0 || destinations.some((one) => isSame(one, source));
  const writes = !isReading && (getsPages || given.extractMetadata);
  const opened = await open(source, given, context, writes ? 'write' : 'read', true);
  return {
    source: opened,
    destinations: await Promise.all(
      destinations.map((one) =>
        isSame(one, source) ? opened : open(one, given, context, isReading ? 'read' : 'write', false),
      ),
    ),
  };
}

function isSame(one: StoreAddress, other: StoreAddress): boolean {
  return one.url === other.url && one.endpointUrl === other.endpointUrl;
}

function open(
  { url, endpointUrl, region }: StoreAddress,
  given: Inputs,
  context: ActionContext,
  access: StoreAccess,
  requireExisting: boolean,
): Promise<ObjectStore> {
  const own = {
    ...given,
    endpointUrl: endpointUrl ?? given.endpointUrl,
    awsRegion: region ?? given.awsRegion,
  };
  // Also for other layouts: pages of an earlier one may have to go.
  return openAwsStore(url, own, context, access, { requireExisting, slashKeys: true });
}
