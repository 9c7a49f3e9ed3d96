import { openUrlSigner, type UrlSigner } from '@slipway/aws';
import { UserError } from '@slipway/core';
import { accessHash, encodedKey, keyOf, keysBelow, windowNumbered } from '@slipway/download-window';
import type { Inputs } from './inputs.ts';

/** The key of a file in a window, and its link. */
export interface Address {
  readonly key: string;
  /** Undefined without a base URL. */
  readonly url: string | undefined;
}

/** What the address of a file depends on. */
export interface NamedFile {
  readonly platform: string;
  readonly name: string;
}

/** Derives addresses from the secrets, without looking at what is stored. */
export interface Addresses {
  /** The addresses of a file in a window, one for each secret; that for new links comes first. */
  of(file: NamedFile, window: number): readonly [Address, ...Address[]];
  /** Links that must not work, whatever is stored. */
  wrong(file: NamedFile, window: number): readonly WrongLink[];
  /** Links that no longer work: from an expired window, or with an expired signature. */
  old(file: NamedFile, windows: PastAndPresent, nowMs: number): readonly WrongLink[];
}

export interface PastAndPresent {
  readonly current: number;
  /** The newest window whose links must no longer work; undefined in the first days of 1970. */
  readonly over: number | undefined;
}

export interface WrongLink {
  readonly what: 'wrong-hash' | 'old-window' | 'no-signature' | 'wrong-signature' | 'expired-signature';
  readonly url: string;
}

/** Loads what is needed to make links. Throws `UserError` `key-unusable` for a private key that cannot sign. */
export async function openAddresses(given: Inputs): Promise<Addresses> {
  if (given.scheme === 'cloudfront-signed') return signedAddresses(given, await openSigners(given));
  return hashedAddresses({ ...given, scheme: given.scheme });
}

function hashedAddresses(given: Inputs & { readonly scheme: 'window-hmac' | 'window-sha256' }): Addresses {
  const { scheme, prefix } = given;
  const secrets = secretsOf(given);
  const lengthSeconds = given.windowLength / 1_000;
  const address = ({ platform, name }: NamedFile, window: number, hash: string): Address => {
    const key = keyOf({ prefix }, { window, hash, platform, file: name });
    return { key, url: urlOf(given, key) };
  };
  const hashed = (secret: string, file: NamedFile, window: number): string =>
    accessHash(scheme, secret, { window, platform: file.platform, file: file.name, lengthSeconds });
  const of: Addresses['of'] = (file, window) => {
    const [first, ...others] = secrets;
    return [
      address(file, window, hashed(first, file, window)),
      ...others.map((secret) => address(file, window, hashed(secret, file, window))),
    ];
  };
  return {
    of,
    wrong(file, window) {
      const flipped = hashed(secrets[0], file, window).replace(/.$/, (digit) => (digit === '0' ? '1' : '0'));
      return linksOf('wrong-hash', [address(file, window, flipped).url]);
    },
    old: (file, { over }) =>
      over === undefined
        ? []
        : linksOf(
            'old-window',
            of(file, over).map(({ url }) => url),
          ),
  };
}

function signedAddresses(given: Inputs, signers: readonly [UrlSigner, ...UrlSigner[]]): Addresses {
  const { prefix, grace } = given;
  const lengthSeconds = given.windowLength / 1_000;
  const keyIn = ({ platform, name }: NamedFile, window: number): string =>
    keyOf({ prefix }, { window, hash: undefined, platform, file: name });
  const endOf = (window: number): number => windowNumbered(window, lengthSeconds).endsAtMs + grace;
  const signed = (sign: UrlSigner, key: string, expiresAtMs: number): string | undefined => {
    const url = urlOf(given, key);
    return url === undefined ? undefined : sign(url, expiresAtMs);
  };
  const [first, ...others] = signers;
  return {
    of(file, window) {
      const key = keyIn(file, window);
      const address = (sign: UrlSigner): Address => ({ key, url: signed(sign, key, endOf(window)) });
      return [address(first), ...others.map(address)];
    },
    wrong(file, window) {
      const key = keyIn(file, window);
      const url = signed(first, key, endOf(window));
      return [
        ...linksOf('no-signature', [urlOf(given, key)]),
        // A time other than the signed one.
        ...linksOf('wrong-signature', [
          url?.replace(/([?&]Expires=)(\d+)/, (_, name, seconds) => `${name}${Number(seconds) + 1}`),
        ]),
      ];
    },
    old(file, { current }, nowMs) {
      const key = keyIn(file, current);
      const expiredMs = nowMs - given.clockTolerance - 60_000;
      return linksOf(
        'expired-signature',
        signers.map((sign) => signed(sign, key, expiredMs)),
      );
    },
  };
}

async function openSigners(given: Inputs): Promise<readonly [UrlSigner, ...UrlSigner[]]> {
  const { keyPairId = '', previousKeyPairId = '' } = given;
  const [privateKey, previous] = secretsOf(given);
  const signer = await openUrlSigner({ keyPairId, privateKey });
  if (previous === undefined) return [signer];
  return [signer, await openUrlSigner({ keyPairId: previousKeyPairId, privateKey: previous })];
}

/** The valid secrets; the one for new links comes first. */
function secretsOf({ secret, previousSecret }: Inputs): readonly [string, ...string[]] {
  if (secret === undefined) throw new UserError('input-invalid', 'input "secret" is required');
  return previousSecret === undefined || previousSecret === secret ? [secret] : [secret, previousSecret];
}

function urlOf(given: Inputs, key: string): string | undefined {
  const { baseUrl } = given;
  return baseUrl === undefined ? undefined : `${baseUrl}/${encodedKey(servedKey(given, key))}`;
}

/** The key as requested from the CDN: without the origin path, which the CDN adds itself. */
export function servedKey({ originPath }: Pick<Inputs, 'originPath'>, key: string): string {
  return key.slice(keysBelow(originPath).length);
}

function linksOf(what: WrongLink['what'], urls: readonly (string | undefined)[]): readonly WrongLink[] {
  return urls.flatMap((url) => (url === undefined ? [] : [{ what, url }]));
}
