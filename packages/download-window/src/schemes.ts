import { createHash, createHmac } from 'node:crypto';
import { defaultLengthSeconds, windowNumbered } from './windows.ts';

/** Schemes in which the path itself is the secret. */
export type SecretPathScheme = 'window-hmac' | 'window-sha256';

/** In `cloudfront-signed` paths are not secret: CloudFront requires a signature. */
export type DownloadScheme = SecretPathScheme | 'cloudfront-signed';

/** How many hex digits of a hash are in a path: 128 bits, and 64 in the scheme that existing sites use. */
export const hashDigits: Readonly<Record<SecretPathScheme, number>> = {
  'window-hmac': 32,
  'window-sha256': 16,
};

/** Bytes that a secret must have for `window-hmac`, and should have for `window-sha256`. */
export const minSecretBytes = 32;
const maxNameBytes = 255;

/** What a hash is for. */
export interface HashedDownload {
  readonly window: number;
  readonly platform: string;
  /** The name of the file. `window-sha256` has one hash for all files of a window and a platform. */
  readonly file: string;
  readonly lengthSeconds?: number | undefined;
}

/**
 * The hash in a path, in lower-case hex.
 *
 * - `window-hmac`: the first 32 digits of the HMAC-SHA-256, keyed with the secret, of the lines `slipway-download-v1`, length
 *   of windows in seconds, window, platform and file, with a line feed between them. No name has a line feed.
 * - `window-sha256`: the first 16 digits of the SHA-256 of `SECRET:download-access:WINDOW:PLATFORM`.
 *
 * All text is UTF-8. Throws a `RangeError` for names and windows that cannot be, and for a secret that `secretProblem` refuses.
 */
export function accessHash(scheme: SecretPathScheme, secret: string, download: HashedDownload): string {
  const { window, platform, file, lengthSeconds = defaultLengthSeconds } = download;
  const { number } = windowNumbered(window, lengthSeconds);
  for (const [what, name] of Object.entries({ platform, file })) {
    const problem = nameProblem(name);
    if (problem !== undefined) throw new RangeError(`this ${what} cannot be in a path: ${problem}`);
  }
  const problem = secretProblem(scheme, secret);
  if (problem !== undefined) throw new RangeError(`the secret cannot be used: ${problem}`);
  const digest =
    scheme === 'window-hmac'
      ? createHmac('sha256', secret).update(
          ['slipway-download-v1', lengthSeconds, number, platform, file].join('\n'),
        )
      : createHash('sha256').update(`${secret}:download-access:${number}:${platform}`);
  return digest.digest('hex').slice(0, hashDigits[scheme]);
}

/** Why a secret cannot be used with a scheme, without a word of it; undefined when it can. */
export function secretProblem(scheme: SecretPathScheme, secret: string): string | undefined {
  if (secret === '') return 'it is empty';
  if (!secret.isWellFormed()) return 'it is not well-formed Unicode';
  if (scheme === 'window-hmac' && Buffer.byteLength(secret) < minSecretBytes) {
    return `it has fewer than ${minSecretBytes} bytes`;
  }
  return undefined;
}

/** Why a secret that can be used should be replaced by a stronger one; undefined when there is nothing to say. */
export function secretWeakness(secret: string): string | undefined {
  if (Buffer.byteLength(secret) < minSecretBytes) return `it has fewer than ${minSecretBytes} bytes`;
  if (new Set(secret).size < 8) return 'it has few different characters';
  return undefined;
}

/** Why a platform or a file cannot be a segment of a path, or undefined when it can. */
export function nameProblem(name: string): string | undefined {
  if (name === '') return 'it is empty';
  if (Buffer.byteLength(name) > maxNameBytes) return `it is longer than ${maxNameBytes} bytes`;
  if (/[/\\]/.test(name)) return 'it has a slash or a backslash';
  if (/[\u0000-\u001f\u007f]/.test(name)) return 'it has a control character';
  if (!name.isWellFormed()) return 'it is not well-formed Unicode';
  return name === '.' || name === '..' ? `it is "${name}"` : undefined;
}
