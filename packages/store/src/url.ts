import { fileURLToPath } from 'node:url';
import { isSafeEndpoint, keyProblem, printable, UserError, withoutTrailingSlashes } from '@slipway/core';

/** A parsed store URL. `url` is what the user wrote. */
export type StoreUrl =
  | { readonly kind: 'file'; readonly url: string; readonly directory: string }
  /** `baseUrl` has no trailing slash; it is `http://` only for loopback hosts. */
  | { readonly kind: 'https'; readonly url: string; readonly baseUrl: string }
  /** `prefix` is empty, or a key that may have empty segments, as in `s3://bucket//a`. */
  | { readonly kind: 's3'; readonly url: string; readonly bucket: string; readonly prefix: string };

const forms = 'Write file:///absolute/directory, s3://bucket/prefix or https://host/prefix.';
const maxUrlCharacters = 4096;

/**
 * Parses a store's URL, without accessing any file or server. Throws `UserError` `input-invalid` for anything but the
 * accepted forms; the message never repeats what could be a credential.
 */
export function parseStoreUrl(text: string): StoreUrl {
  if (text.length > maxUrlCharacters) throw invalid(text, `is longer than ${maxUrlCharacters} characters`);
  if (/[\u0000-\u001f\u007f\\]/.test(text) || !text.isWellFormed()) {
    throw invalid(text, 'has a backslash, a control character or a broken Unicode character');
  }
  if (text !== text.trim()) throw invalid(text, 'begins or ends with white space');
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) {
    const hint = text.startsWith('/') && !text.includes('@') ? `Write file://${encodePath(text)}` : forms;
    throw invalid(text, 'is not the URL of a store', hint);
  }
  const afterScheme = text.slice(scheme.length + '://'.length);
  const authority = afterScheme.split(/[/?#]/, 1)[0] ?? '';
  if (authority.includes('@')) {
    throw invalid(
      text,
      'carries credentials',
      'Remove the user name and password from the URL: URLs end up in logs and process lists.',
    );
  }
  if (/[?#]/.test(afterScheme)) {
    throw invalid(
      text,
      'has a query or a fragment',
      'Remove everything from "?" or "#" on; in a name, write these characters as %3F and %23.',
    );
  }
  switch (scheme) {
    case 'file':
      return { kind: 'file', url: text, directory: fileDirectory(text, authority) };
    case 'https':
    case 'http':
      return { kind: 'https', url: text, baseUrl: httpBase(text) };
    case 's3':
      return { kind: 's3', url: text, ...s3Place(text, afterScheme) };
    default:
      throw invalid(text, 'has an unknown scheme', forms);
  }
}

/** The unchanged URL of a writable store. Throws an `Error` for `https://`, and what `parseStoreUrl` throws. */
export function parseWritableStoreUrl(text: string): string {
  if (parseStoreUrl(text).kind !== 'https') return text;
  throw new Error('it is read-only: use the store behind it, s3://bucket/prefix or file:///directory');
}

function fileDirectory(text: string, authority: string): string {
  if (authority !== '' && authority.toLowerCase() !== 'localhost') {
    throw invalid(
      text,
      'is a file URL with a host or a relative path',
      'Write three slashes for a directory on this machine: file:///absolute/directory.',
    );
  }
  let directory: string;
  try {
    directory = fileURLToPath(new URL(text));
  } catch (cause) {
    throw invalid(
      text,
      'is not a usable file URL',
      'Check the percent-encoding; names cannot contain %2F.',
      cause,
    );
  }
  if (/[\u0000-\u001f\u007f]/.test(directory)) throw invalid(text, 'has a control character');
  directory = withoutTrailingSlashes(directory);
  if (directory === '') {
    throw invalid(
      text,
      'is the root of the file system',
      'Check for an empty variable, and name a directory.',
    );
  }
  return directory;
}

function httpBase(text: string): string {
  const url = parseUrl(text);
  if (!isSafeEndpoint(url)) {
    throw invalid(text, 'is not encrypted', 'Write https:// instead of http://.');
  }
  return url.origin + withoutTrailingSlashes(url.pathname);
}

function parseUrl(text: string): URL {
  try {
    return new URL(text);
  } catch (cause) {
    throw invalid(text, 'is not a valid URL', forms, cause);
  }
}

function s3Place(text: string, afterScheme: string): { readonly bucket: string; readonly prefix: string } {
  const [bucket = '', ...rest] = afterScheme.split('/');
  if (!/^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/i.test(bucket)) {
    throw invalid(text, 'has no usable bucket name', 'Write s3://bucket/prefix.');
  }
  const path = rest.join('/');
  const prefix = path.replace(/\/$/, '');
  // Without its slash it would be the whole bucket, which is not what the user wrote.
  if (path !== '' && prefix === '') throw invalid(text, 'has an empty name for a prefix');
  const problem = prefix === '' ? undefined : prefixProblem(prefix);
  if (problem !== undefined) throw invalid(text, `has an unusable prefix: ${problem}`);
  return { bucket, prefix };
}

/** A bucket's prefix is a key, but may have empty segments: other tools write them, and S3 keeps them. */
function prefixProblem(prefix: string): string | undefined {
  if (Buffer.byteLength(prefix) > 1000) return 'it is longer than 1000 bytes';
  return keyProblem(
    prefix
      .split('/')
      .filter((segment) => segment !== '')
      .join('/'),
  );
}

function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}

function invalid(text: string, what: string, hint = forms, cause?: unknown): UserError {
  // A URL parser's error repeats its input: only its code is kept, and only if nothing is hidden.
  const hidden = /[@?#]/.test(text);
  return new UserError('input-invalid', `The URL ${hidden ? '' : `"${printable(text)}" `}${what}.`, {
    hint,
    cause: hidden ? undefined : cause,
  });
}
