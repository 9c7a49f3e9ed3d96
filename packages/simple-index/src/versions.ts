import { valid } from '@renovatebot/pep440';

const maxVersionCharacters = 255;

/** A version of PEP 440. */
export interface Version {
  /** As PEP 440 writes it: `1.0rc1` for `v1.0-RC.1`. */
  readonly normalized: string;
  /** Two of these compare as strings (`<`) like their versions. */
  readonly order: string;
  /** The same without the local version: equal for `2.9.0+cu118` and `2.9.0`. */
  readonly publicOrder: string;
}

/** Versions that were parsed: a bucket of a million files has some thousands, and parsing one takes 20 µs. */
const known = new Map<string, Version | undefined>();
const maxKnown = 20_000;

/** The version that a text writes; undefined if PEP 440 does not know it or it has more than 255 characters. */
export function parseVersion(text: string): Version | undefined {
  if (text.length > maxVersionCharacters) return undefined;
  if (known.has(text)) return known.get(text);
  if (known.size >= maxKnown) known.clear();
  const version = readVersion(text);
  known.set(text, version);
  return version;
}

function readVersion(text: string): Version | undefined {
  if (valid(text) === null) return undefined;
  const [publicText = '', localText] = text.toLowerCase().replace(/^v/, '').split('+');
  const mark = publicText.indexOf('!');
  const numberText = publicText.slice(mark + 1);
  const [releaseText = ''] = /^\d+(?:\.\d+)*/.exec(numberText) ?? [];
  const epoch = wholeNumber(mark === -1 ? '0' : publicText.slice(0, mark));
  const release = releaseText.split('.').map(wholeNumber);
  const { pre, post, dev } = suffixesOf(numberText.slice(releaseText.length));
  const local = localText?.split(/[._-]/).map((part) => (/^\d+$/.test(part) ? wholeNumber(part) : part));
  const publicOrder = [
    numberOrder(epoch),
    ...withoutFinalZeros(release).map(numberOrder),
    end,
    pre === undefined
      ? dev !== undefined && post === undefined
        ? lowest
        : highest
      : `${between}${pre.letters}${numberOrder(pre.number)}`,
    post === undefined ? lowest : between + numberOrder(post),
    dev === undefined ? highest : between + numberOrder(dev),
  ].join('');
  return {
    normalized: [
      epoch === '0' ? '' : `${epoch}!`,
      release.join('.'),
      pre === undefined ? '' : pre.letters + pre.number,
      post === undefined ? '' : `.post${post}`,
      dev === undefined ? '' : `.dev${dev}`,
      local === undefined ? '' : `+${local.join('.')}`,
    ].join(''),
    order: publicOrder + (local === undefined ? lowest : between + local.map(localOrder).join('') + end),
    publicOrder,
  };
}

/** A string that sorts (`<`) as the version does; what PEP 440 does not know sorts below all versions, by its text. */
export function versionOrder(text: string): string {
  return parseVersion(text)?.order ?? unknown + text;
}

/** `versionOrder` without the local version: what `keep` counts. */
export function publicVersionOrder(text: string): string {
  return parseVersion(text)?.publicOrder ?? unknown + withoutLocalVersion(text);
}

/** The text before a `+`: `2.9.0` of `2.9.0+cu118`. */
export function withoutLocalVersion(text: string): string {
  const plus = text.indexOf('+');
  return plus === -1 ? text : text.slice(0, plus);
}

/** As PEP 440 writes the version; what it does not know stays as it is. */
export function normalizeVersion(text: string): string {
  return parseVersion(text)?.normalized ?? text;
}

// Marks in an order, each lower than the next; numbers and letters begin with a higher character.
const unknown = '\u0000';
const end = '\u0001';
const lowest = '\u0002';
const between = '\u0003';
const highest = '\u0004';
const localText = '\u0005';
const localNumber = '\u0006';
/** Added to a count of digits. */
const blank = 0x20;

/** Digits without zeros in front. Numbers can be beyond what a double holds exactly: dates with hashes are in versions. */
function wholeNumber(digits: string): string {
  return digits.replace(/^0+(?=\d)/, '');
}

/** The count of digits comes first, so that numbers compare as strings do. */
function numberOrder(digits: string): string {
  return String.fromCharCode(blank + digits.length) + digits;
}

function localOrder(part: string): string {
  return /^\d+$/.test(part) ? localNumber + numberOrder(part) : localText + part + end;
}

function withoutFinalZeros(release: readonly string[]): readonly string[] {
  return release.slice(0, release.findLastIndex((number) => number !== '0') + 1);
}

interface Suffixes {
  pre?: { readonly letters: 'a' | 'b' | 'rc'; readonly number: string };
  post?: string;
  dev?: string;
}

/** Reads what follows the release of a version that is known to be valid, so that words and numbers are all that matters. */
function suffixesOf(text: string): Suffixes {
  const words = text.match(/alpha|beta|preview|pre|rc|rev|post|dev|[abcr]|\d+/g) ?? [];
  const suffixes: Suffixes = {};
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? '';
    // A number alone is a post-release: `1.0-1`.
    const isImplicit = /^\d/.test(word);
    const next = isImplicit ? word : words[index + 1];
    const hasNumber = next !== undefined && /^\d/.test(next);
    const number = wholeNumber(hasNumber ? next : '0');
    if (hasNumber && !isImplicit) index += 1;
    if (isImplicit || word === 'post' || word === 'rev' || word === 'r') suffixes.post = number;
    else if (word === 'dev') suffixes.dev = number;
    else suffixes.pre = { letters: preRelease(word), number };
  }
  return suffixes;
}

function preRelease(word: string): 'a' | 'b' | 'rc' {
  if (word === 'a' || word === 'alpha') return 'a';
  return word === 'b' || word === 'beta' ? 'b' : 'rc';
}
