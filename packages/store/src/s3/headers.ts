import type { IncomingHttpHeaders } from 'node:http';
import { type CachePolicy, printable, type StoredHeaders, UserError, type WriteOptions } from '@slipway/core';
import { quoted } from '../key-errors.ts';
import type { S3Settings } from './settings.ts';

/**
 * What CDNs and browsers may keep without asking. `document` and `pointer` are short enough for a publish to be visible
 * soon without invalidation, and long enough for a CDN to take most of the load.
 */
const cacheControls: Readonly<Record<CachePolicy, string>> = {
  immutable: 'public, max-age=31536000, immutable',
  document: 'public, max-age=300',
  pointer: 'public, max-age=60',
};

/** Metadata that Slipway writes itself; users must not set it. */
const metadataPrefix = 'x-amz-meta-';
const ownMetadata: ReadonlySet<string> = new Set(['sha256', 'slipway-writes']);

/**
 * The headers that S3 keeps with an object. `writes`: which writes led to it. Throws `UserError` `input-invalid` for
 * metadata that headers cannot carry.
 */
export function objectHeaders(
  key: string,
  options: WriteOptions,
  settings: S3Settings,
  writes: string | undefined,
): Record<string, string> {
  const { contentType, cache, sha256, headers = {} } = options;
  const { acl, storageClass, encryption } = settings;
  const all: Record<string, string | undefined> = {
    'content-type': contentType,
    'cache-control': headers.cacheControl ?? cacheControls[cache],
    'content-disposition': headers.contentDisposition,
    'content-language': headers.contentLanguage,
    'content-encoding': headers.contentEncoding,
    expires: headers.expiresAtMs === undefined ? undefined : new Date(headers.expiresAtMs).toUTCString(),
    'x-amz-meta-sha256': sha256,
    'x-amz-meta-slipway-writes': writes,
    'x-amz-acl': acl,
    'x-amz-storage-class': storageClass,
    'x-amz-server-side-encryption': encryption?.algorithm,
    'x-amz-server-side-encryption-aws-kms-key-id': encryption?.kmsKeyId,
  };
  for (const [name, value] of Object.entries(headers.metadata ?? {})) {
    if (!/^[a-z0-9][a-z0-9_.-]{0,127}$/.test(name)) {
      throw unusable(
        key,
        `"${printable(name, 100)}" is not a valid metadata name: write lower-case letters, digits, - . _`,
      );
    }
    if (ownMetadata.has(name)) throw unusable(key, `the metadata "${name}" is reserved for Slipway`);
    all[metadataPrefix + name] = value;
  }
  const written: Record<string, string> = {};
  for (const [name, value] of Object.entries(all)) {
    if (value === undefined) continue;
    if (!/^[\x20-\x7e]{0,2048}$/.test(value)) {
      throw unusable(
        key,
        `"${printable(value, 100)}" is not a valid value for ${name}: it must be ASCII of at most 2,048 characters`,
      );
    }
    written[name] = value;
  }
  return written;
}

/** The kept headers of an object, from an answer to GET or HEAD. */
export function storedHeaders(headers: IncomingHttpHeaders): StoredHeaders {
  const expiresAtMs = Date.parse(headers.expires ?? '');
  const metadata = Object.entries(headers).flatMap(([name, value]) => {
    const own = name.startsWith(metadataPrefix) ? name.slice(metadataPrefix.length) : undefined;
    return own === undefined || ownMetadata.has(own) || typeof value !== 'string' ? [] : [[own, value]];
  });
  return {
    contentType: headers['content-type'],
    cacheControl: headers['cache-control'],
    contentDisposition: headers['content-disposition'],
    contentLanguage: headers['content-language'],
    contentEncoding: headers['content-encoding'],
    expiresAtMs: Number.isNaN(expiresAtMs) ? undefined : expiresAtMs,
    metadata: Object.fromEntries(metadata),
  };
}

/** The header that makes a write conditional. */
export function conditionHeaders(condition: WriteOptions['condition']): Record<string, string> {
  if (condition === 'any') return {};
  return condition === 'absent' ? { 'if-none-match': '*' } : { 'if-match': condition.etag };
}

/** A SHA-256 in the form S3 uses. */
export function base64OfHex(sha256: string): string {
  return Buffer.from(sha256, 'hex').toString('base64');
}

function unusable(key: string, why: string): UserError {
  return new UserError('input-invalid', `${quoted(key)} cannot be stored with these headers: ${why}.`);
}
