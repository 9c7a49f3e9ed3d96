import {
  accessHash,
  type DownloadScheme,
  type HashedDownload,
  hashDigits,
  nameProblem,
  type SecretPathScheme,
} from './schemes.ts';

export const defaultPrefix = 'downloads';
const maxKeyCharacters = 1_024;
/** Windows of a second end in the year 33658. */
const windowNumber = /^(?:0|[1-9]\d{0,11})$/;

/** Where the files of a scheme are, apart from the secret. */
export interface KeyPlace {
  readonly scheme: DownloadScheme;
  /** What keys begin with, without a slash at its end: `downloads` when not given. Empty where keys begin with the window. */
  readonly prefix?: string | undefined;
}

/** What a key says. */
export interface DownloadKey {
  readonly window: number;
  /** Undefined in `cloudfront-signed`. */
  readonly hash: string | undefined;
  readonly platform: string;
  readonly file: string;
}

/** The key `PREFIX/WINDOW/HASH/PLATFORM/FILE`; without the hash in `cloudfront-signed`. */
export function keyOf(
  { prefix = defaultPrefix }: Pick<KeyPlace, 'prefix'>,
  { window, hash, platform, file }: DownloadKey,
): string {
  return keysBelow(prefix) + [window, ...(hash === undefined ? [] : [hash]), platform, file].join('/');
}

/** What every key below a prefix begins with: nothing where the prefix is empty. */
export function keysBelow(prefix: string): string {
  return prefix === '' ? '' : `${prefix}/`;
}

/** The key of a file in a window, computed with the secret. Throws what `accessHash` throws. */
export function secretKeyOf(
  place: KeyPlace & { readonly scheme: SecretPathScheme },
  secret: string,
  download: HashedDownload,
): string {
  return keyOf(place, { ...download, hash: accessHash(place.scheme, secret, download) });
}

/**
 * What a key says, or undefined unless it is exactly as this scheme makes keys: a window without leading zeros, a hash of the
 * scheme's length in lower-case hex, and valid names.
 */
export function parseKey({ scheme, prefix = defaultPrefix }: KeyPlace, key: string): DownloadKey | undefined {
  const start = keysBelow(prefix);
  if (key.length > maxKeyCharacters || !key.startsWith(start)) return undefined;
  const segments = key.slice(start.length).split('/');
  const [window = '', ...others] = segments;
  const hash = scheme === 'cloudfront-signed' ? undefined : others.shift();
  const [platform, file] = others;
  if (others.length !== 2 || platform === undefined || file === undefined) return undefined;
  if (!windowNumber.test(window)) return undefined;
  if (scheme !== 'cloudfront-signed' && !isHash(scheme, hash ?? '')) return undefined;
  if (nameProblem(platform) !== undefined || nameProblem(file) !== undefined) return undefined;
  return { window: Number(window), hash, platform, file };
}

function isHash(scheme: SecretPathScheme, text: string): boolean {
  return text.length === hashDigits[scheme] && /^[0-9a-f]+$/.test(text);
}

/** A key in the path of a URL: all but RFC 3986's unreserved characters percent-encoded, segment by segment. */
export function encodedKey(key: string): string {
  return key.replace(/[^/]+/g, (segment) =>
    encodeURIComponent(segment).replace(
      /[!'()*]/g,
      (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
    ),
  );
}

/** The key that the path of a request asks for, or undefined if no key is encoded like that. */
export function keyOfPath(path: string): string | undefined {
  if (!path.startsWith('/') || /[?#]/.test(path)) return undefined;
  try {
    const segments = path.slice(1).split('/').map(decodeURIComponent);
    return segments.some((segment) => segment.includes('/')) ? undefined : segments.join('/');
  } catch {
    return undefined;
  }
}
