import { fileURLToPath } from 'node:url';
import { isSafeEndpoint, keyProblem, printable, UserError, withoutTrailingSlashes } from '@slipway/core';

/** A store's URL, taken apart. `url` is what the user wrote. */
export type StoreUrl =
  | { readonly kind: 'file'; readonly url: string; readonly directory: string }
  /** `baseUrl` has no trailing slash; it is `http://` for loopback hosts alone. */
  | { readonly kind: 'https'; readonly url: string; readonly baseUrl: string }
  /** `prefix` is empty, or a key that may have empty segments, as in `s3://bucket//a`. */
  | { readonly kind: 's3'; readonly url: string; readonly bucket: string; readonly prefix: string };

const forms = 'Write file:///absolute/directory, s3://bucket/prefix or https://host/prefix.';
const maxUrlCharacters = 4096;

/**
 * Takes a store's URL apart, without looking at any file or server. Throws `UserError` `input-invalid` for anything that
 * is not one of the accepted forms; the message never repeats what could be a credential.
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
      'Take the user and password out of the URL: URLs end up in logs and process lists.',
    );
  }
  if (/[?#]/.test(afterScheme)) {
    throw invalid(
      text,
      'has a query or a fragment',
      'Take out everything from "?" or "#" on; in a name these characters are written %3F and %23.',
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
      throw invalid(text, 'has a scheme that is not known', forms);
  }
}

/** The URL of a store that can be written to, as it is. Throws an `Error` for `https://`, and as `parseStoreUrl`. */
export function parseWritableStoreUrl(text: string): string {
  if (parseStoreUrl(text).kind !== 'https') return text;
  throw new Error('it is read-only: name the store behind it, s3://bucket/prefix or file:///directory');
}

function fileDirectory(text: string, authority: string): string {
  if (authority !== '' && authority.toLowerCase() !== 'localhost') {
    throw invalid(
      text,
      'names a host where a file URL has none, or a relative path',
      'A directory of this machine has three slashes: file:///absolute/directory.',
    );
  }
  let directory: string;
  try {
    directory = fileURLToPath(new URL(text));
  } catch (cause) {
    throw invalid(
      text,
      'is not a usable file URL',
      'Check the percent-encoding; a %2F in a name is not possible.',
      cause,
    );
  }
  if (/[\u0000-\u001f\u007f]/.test(directory)) throw invalid(text, 'has a control character');
  directory = withoutTrailingSlashes(directory);
  if (directory === '') {
    throw invalid(text, 'is the root of the file system', 'Is a variable in it empty? Name a directory.');
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
  // Without its slash it would be the whole bucket, which is not what was written.
  if (path !== '' && prefix === '') throw invalid(text, 'has an empty name for a prefix');
  const problem = prefix === '' ? undefined : prefixProblem(prefix);
  if (problem !== undefined) throw invalid(text, `has an unusable prefix: ${problem}`);
  return { bucket, prefix };
}

/** A bucket's prefix is a key, but for empty segments: others have put them there, and S3 takes them for what they are. */
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
  // A URL parser's own error repeats its input: its code is all that is kept, and only where nothing is hidden.
  const hidden = /[@?#]/.test(text);
  return new UserError('input-invalid', `The URL ${hidden ? '' : `"${printable(text)}" `}${what}.`, {
    hint,
    cause: hidden ? undefined : cause,
  });
}
