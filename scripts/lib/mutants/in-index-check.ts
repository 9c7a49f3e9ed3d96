import type { Mutant } from './mutant.ts';

const member = 'packages/index-building';
const hostile = ['packages/index-building/test/check-hostile.test.ts'];
const attacked = ['packages/index-building/test/check-index.test.ts'];

/** What a check of a package index finds, and where it never goes. */
export const indexCheckMutants: readonly Mutant[] = [
  {
    name: 'a page leads a check to the machine itself',
    member,
    text: 'if (isInternalHost(url.hostname) && !this.#internal.has(url.origin))',
    replacement: 'if (isInternalHost(url.hostname) && this.#internal.has(url.origin))',
    guarantee: 'I8: hostile pages never lead a check to internal addresses',
    tests: hostile,
  },
  {
    name: 'secrets of an index go to other hosts',
    member,
    text: 'const isIndex = url.origin === this.#options.indexUrl?.origin;',
    replacement: 'const isIndex = this.#options.indexUrl !== undefined;',
    guarantee: 'I7: secrets for an index are never sent to other hosts',
    tests: hostile,
  },
  {
    name: 'a check follows redirects from https:// to http://',
    member,
    text: "if (url.protocol === 'https:' && next.protocol === 'http:')",
    replacement: "if (url.protocol === 'http:' && next.protocol === 'http:')",
    guarantee: 'I8: a redirect never leads a check out of https://',
    tests: hostile,
  },
  {
    name: 'a check reads a page of any size',
    member,
    text: 'if (sizeBytes > maxBytes) return',
    replacement: 'if (sizeBytes < 0) return',
    guarantee: 'I8: pages that a check reads are bounded',
    tests: hostile,
  },
  {
    name: 'a check reads without end',
    member,
    text: 'if (this.bytesRead > maxBytes) this.#spent',
    replacement: 'if (this.bytesRead < 0) this.#spent',
    guarantee: 'I8: what a check reads is bounded',
    tests: hostile,
  },
  {
    name: 'queries of URLs are in findings',
    member,
    text: 'const { origin, pathname, host, protocol } = new URL(url);',
    replacement: 'const { origin, href: pathname, host, protocol } = new URL(url);',
    guarantee: 'I7: signatures in URLs are never printed',
    tests: hostile,
  },
  {
    name: 'other bytes than those of the hash pass',
    member,
    text: 'if (actual === hashes.get(algorithm)) continue;',
    replacement: 'if (actual !== hashes.get(algorithm)) continue;',
    guarantee: 'a check compares hashes with bytes',
    tests: attacked,
  },
  {
    name: 'requirements of wheels are not compared',
    member,
    text: 'first !== undefined && onlyInOne(requires, first.requires) !== undefined',
    replacement: 'first !== undefined && onlyInOne(requires, requires) !== undefined',
    guarantee: 'wheels of one version that require different things are found',
    tests: attacked,
  },
];
