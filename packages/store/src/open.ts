import { type ObjectStore, UserError, unreachable } from '@slipway/core';
import { HttpsStore } from './http/store.ts';
import { quoted } from './key-errors.ts';
import { openLocalStore } from './local.ts';
import type { StoreOptions } from './options.ts';
import { parseStoreUrl, type StoreUrl } from './url.ts';

/**
 * Opens the store at a URL: `file:///directory`, `s3://bucket/prefix`, or read-only `https://host/prefix`. Throws
 * `UserError` `input-invalid` for an invalid URL or settings, `not-supported` for `s3://` without `options.s3`, and
 * `mirror-missing` if `requireExisting` is set and the directory does not exist.
 */
export async function openStore(url: string, options: StoreOptions = {}): Promise<ObjectStore> {
  const place = parseStoreUrl(url);
  switch (place.kind) {
    case 'file':
      return openLocalStore(url, options);
    case 'https':
      return new HttpsStore(place.url, place.baseUrl, {
        clock: options.clock,
        proxyEnvironment: options.proxyEnvironment,
        onRetry: options.onRetry,
      });
    case 's3':
      return openS3(place, options);
    default:
      return unreachable(place);
  }
}

async function openS3(
  place: Extract<StoreUrl, { kind: 's3' }>,
  { s3, clock, proxyEnvironment, onRetry }: StoreOptions,
): Promise<ObjectStore> {
  if (s3 === undefined) {
    throw new UserError('not-supported', `${quoted(place.url)}: s3:// is not supported here.`, {
      hint: 'Write file:///directory, or https://host/prefix for reading.',
    });
  }
  // Loaded on demand: only S3 needs its client.
  const { S3Store } = await import('./s3/store.ts');
  return S3Store.open(place, { ...s3, clock, proxyEnvironment, onRetry });
}
