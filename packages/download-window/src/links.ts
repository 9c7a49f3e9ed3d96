import { encodedKey, type KeyPlace, secretKeyOf } from './keys.ts';
import type { SecretPathScheme } from './schemes.ts';
import { type DownloadWindow, windowAt } from './windows.ts';

export interface LinkRequest extends KeyPlace {
  readonly scheme: SecretPathScheme;
  readonly secret: string;
  readonly platform: string;
  /** The file's name. */
  readonly file: string;
  /** Now, in milliseconds since 1970. */
  readonly timeMs: number;
  /** The URL that keys are below, without a slash at its end. */
  readonly baseUrl: string;
  readonly lengthSeconds?: number | undefined;
}

export interface Link {
  readonly key: string;
  readonly url: string;
  readonly window: DownloadWindow;
}

/** The link to a file that is the current one at a time. Throws a `RangeError` for what cannot be in a link. */
export function linkAt(request: LinkRequest): Link {
  const window = windowAt(request.timeMs, request.lengthSeconds);
  const key = secretKeyOf(request, request.secret, { ...request, window: window.number });
  return { key, url: `${withoutTrailingSlashes(request.baseUrl)}/${encodedKey(key)}`, window };
}

function withoutTrailingSlashes(url: string): string {
  let end = url.length;
  while (url[end - 1] === '/') end -= 1;
  return url.slice(0, end);
}
