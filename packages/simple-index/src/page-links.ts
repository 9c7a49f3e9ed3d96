import { assertKey, encodeKey, encodeStrictly, InternalError, withoutTrailingSlashes } from '@slipway/core';
import type { LinkStyle } from './files.ts';

/** Keys that need no closer look: nearly all. */
const plainKey = /^(?:[\w+-][\w.+-]*\/)*[\w+-][\w.+-]*$/;
const plainName = /^[\w.+-]*$/;
const maxPlainCharacters = 1024;

/**
 * Makes the links of a page in `directory` (without a slash at its end) to keys. Each segment is percent-encoded strictly: `+`
 * as `%2B`, a literal `%2B` as `%252B`. Unicode stays in its normal form. The function throws `UserError` `name-invalid` for a
 * key that cannot be linked to, such as `a/../b`.
 */
export function linksFrom(directory: string, links: LinkStyle): (key: string) => string {
  const toDirectory = links.kind === 'relative' ? climber(directory) : below(links.baseUrl);
  const known = new Map<string, string>();
  return (key) => {
    if (!plainKey.test(key) || key.length > maxPlainCharacters) assertKey(key);
    const nameStart = key.lastIndexOf('/') + 1;
    const parent = key.slice(0, nameStart);
    let link = known.get(parent);
    if (link === undefined) {
      link = toDirectory(parent);
      known.set(parent, link);
    }
    const name = key.slice(nameStart);
    return link + (plainName.test(name) ? name.replaceAll('+', '%2B') : encodeStrictly(name));
  };
}

/** The link to a file on another index. Throws `InternalError` unless it is an absolute `http` or `https` URL. */
export function externalLink(url: string): string {
  if (!/^https?:\/\/[^\s"<>]+$/.test(url))
    throw new InternalError('the URL of an external file is not absolute');
  const hash = url.indexOf('#');
  return hash === -1 ? url : url.slice(0, hash);
}

function below(baseUrl: string): (parent: string) => string {
  const base = withoutTrailingSlashes(baseUrl);
  return (parent) => `${base}/${encodeKey(parent)}`;
}

function climber(directory: string): (parent: string) => string {
  const here = directory === '' ? [] : directory.split('/');
  return (parent) => {
    const there = parent.split('/').slice(0, -1);
    let shared = 0;
    while (shared < here.length && shared < there.length && here[shared] === there[shared]) shared += 1;
    return (
      '../'.repeat(here.length - shared) +
      there
        .slice(shared)
        .map((segment) => `${encodeStrictly(segment)}/`)
        .join('')
    );
  };
}
