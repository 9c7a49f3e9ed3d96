import { openAwsStore } from '@slipway/aws-actions';
import type { ObjectStore } from '@slipway/core';
import type { ActionContext } from '@slipway/runner';
import { parseStoreUrl } from '@slipway/store';
import type { HeaderRules } from './headers.ts';
import type { Inputs } from './inputs.ts';

/** Opens the destination for writing. Throws what `openAwsStore` throws. */
export function openDestination(given: Inputs, context: ActionContext): Promise<ObjectStore> {
  return openAwsStore(given.destination, given, context, 'write', {
    s3: {
      acl: given.acl,
      storageClass: given.storageClass,
      encryption: given.encryption,
      partSizeBytes: given.partSize,
    },
  });
}

/** Whether the destination keeps headers with its objects, and shows ETags in listings. A directory does neither. */
export function keepsHeaders(destination: string): boolean {
  return parseStoreUrl(destination).kind === 's3';
}

/** Whether a destination is a whole bucket, which somebody else may use as well. */
export function isWholeBucket(destination: string): boolean {
  const place = parseStoreUrl(destination);
  return place.kind === 's3' && place.prefix === '';
}

/** The inputs that say how objects are to be stored. */
export function headerRulesOf(given: Inputs): HeaderRules {
  const { cacheControl, contentType, metadata, immutable, pointers, acl, storageClass, encryption } = given;
  const storedAs = JSON.stringify([acl, storageClass, encryption?.algorithm, encryption?.kmsKeyId]);
  return { cacheControl, contentType, metadata, immutable, pointers, storedAs };
}
