import { realpathSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { openAwsStore } from '@slipway/aws-actions';
import { type ObjectStore, printable, UserError } from '@slipway/core';
import type { ActionContext } from '@slipway/runner';
import { parseStoreUrl } from '@slipway/store';
import { excludes } from './globs.ts';
import type { HeaderRules } from './headers.ts';
import type { Inputs } from './inputs.ts';
import { excludedGlobs, type Selection } from './selection.ts';

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

/** Whether a destination is a whole bucket, which others may use as well. */
export function isWholeBucket(destination: string): boolean {
  const place = parseStoreUrl(destination);
  return place.kind === 's3' && place.prefix === '';
}

/**
 * Throws `UserError` `plan-refused` if the destination is inside the source and would be published into itself, or if the source
 * counts among its extraneous files.
 */
export function refuseOverlap(given: Inputs, selection: Selection): void {
  const place = parseStoreUrl(given.destination);
  if (place.kind !== 'file') return;
  const destination = realPath(place.directory);
  const base = realPath(selection.baseDirectory);
  const inSource = keyBelow(base, destination);
  if (inSource !== undefined && inSource !== '' && selection.enters(inSource)) {
    throw new UserError(
      'plan-refused',
      'The destination is inside the source, which would be published into itself.',
      {
        hint: `Exclude it: exclude: /${printable(inSource)}`,
      },
    );
  }
  const inDestination = keyBelow(destination, base);
  if (given.delete === 'none' || inDestination === undefined) return;
  if (inDestination !== '' && excludes(excludedGlobs(given.source, given.exclude), inDestination)) return;
  throw new UserError(
    'plan-refused',
    'The source is inside the destination, so delete: extraneous would delete it.',
    {
      hint: 'Publish from another directory, or without delete.',
    },
  );
}

/** `path` relative to `directory`: empty if they are the same, undefined if it is outside. */
function keyBelow(directory: string, path: string): string | undefined {
  if (path === directory) return '';
  return path.startsWith(`${directory}/`) ? path.slice(directory.length + 1) : undefined;
}

/** The real path, even of a directory that does not exist yet. */
function realPath(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    const above = dirname(path);
    return above === path ? path : `${realPath(above).replace(/\/$/, '')}/${basename(path)}`;
  }
}

/** The inputs that decide how objects are stored. */
export function headerRulesOf(given: Inputs): HeaderRules {
  const {
    cacheControl,
    contentType,
    contentEncoding,
    metadata,
    immutable,
    pointers,
    acl,
    storageClass,
    encryption,
  } = given;
  const storedAs = JSON.stringify([acl, storageClass, encryption?.algorithm, encryption?.kmsKeyId]);
  return { cacheControl, contentType, contentEncoding, metadata, immutable, pointers, storedAs };
}
