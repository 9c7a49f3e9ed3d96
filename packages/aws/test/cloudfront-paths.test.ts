import {
  type InvalidationTarget,
  parseCacheTag,
  parseInvalidationPath,
  parsePathPrefix,
  spellings,
  underPrefix,
} from '@slipway/aws';
import { encodeKey } from '@slipway/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const path = (name: string): InvalidationTarget => ({ kind: 'path', name });
const prefix = (name: string): InvalidationTarget => ({ kind: 'prefix', name });

describe('a path to invalidate', () => {
  it.each([
    ['/index.html', path('/index.html')],
    ['/', path('/')],
    ['/*', prefix('/')],
    ['/a/b*', prefix('/a/b')],
    ['/a%20b', path('/a b')],
    ['/a b', path('/a b')],
    ['/%E4%BD%A0', path('/你')],
    ['/你', path('/你')],
    ['/100%25', path('/100%')],
    ['/a%2520', path('/a%20')],
    ['/a+b', path('/a+b')],
    ['/a%2Bb', path('/a+b')],
    ['/a%2Ab', path('/a*b')],
    ['/a%3Fb', path('/a?b')],
    ['/a%2Fb', path('/a/b')],
    ['//a', path('//a')],
    ['/~user/*', prefix('/~user/')],
  ])('%s is read as in a URL', (text, expected) => {
    expect(parseInvalidationPath(text)).toEqual(expected);
  });

  it.each([
    ['index.html', /start with "\/"/],
    ['', /start with "\/"/],
    ['/a*b', /only at the end/],
    ['/a**', /only at the end/],
    ['/a?b=c', /query/],
    ['/a#b', /fragment/],
    ['/100%', /%25/],
    ['/%zz', /%25/],
    ['/%FF', /UTF-8/],
    ['/a/../b', /"\."/],
    ['/a/%2e%2e/b', /"\."/],
    ['/a%0Ab', /control character/],
    ['/\ud800', /Unicode/],
    [`/${'a'.repeat(4000)}`, /4000/],
    [`/${'ä'.repeat(700)}`, /4000/],
  ])('%j is refused', (text, reason) => {
    expect(() => parseInvalidationPath(text)).toThrow(reason);
  });

  it.each([
    [path('/a/b-c_d.e'), ['/a/b-c_d.e']],
    [path('/a b'), ['/a%20b']],
    [path('/50%'), ['/50%25']],
    [path('/ü'), ['/%C3%BC']],
    [path('/a+b@c'), ['/a+b@c', '/a%2Bb%40c']],
    [path("/it's(1)!"), ["/it's(1)!", '/it%27s%281%29%21']],
    [path('/a*'), ['/a%2A']],
    [prefix('/a+/'), ['/a+/*', '/a%2B/*']],
    [path('/a?#[]^`{|}<>"\\'), ['/a%3F%23%5B%5D%5E%60%7B%7C%7D%3C%3E%22%5C']],
  ])('%j is spelled as clients may ask for it', (target, expected) => {
    expect(spellings(target)).toEqual(expected);
  });

  const name = fc
    .string({ unit: 'binary', maxLength: 60 })
    .map((text) => `/${text}`)
    .filter((text) => text.isWellFormed() && !/[\u0000-\u001f\u007f]/.test(text))
    .filter((text) => !text.split('/').some((segment) => segment === '.' || segment === '..'));

  it('is never encoded twice: every spelling is read as the same name, and spelled the same again', () => {
    fc.assert(
      fc.property(name, fc.constantFrom('path' as const, 'prefix' as const), (text, kind) => {
        const target: InvalidationTarget = { kind, name: text };
        for (const spelling of spellings(target)) {
          expect(spelling).toMatch(/^\/(?:[\w.+!'(),;/:@=&$~-]|%[0-9A-F]{2})*\*?$/);
          expect(parseInvalidationPath(spelling)).toEqual(target);
          expect(spellings(parseInvalidationPath(spelling))).toEqual(spellings(target));
        }
      }),
    );
  });

  it('matches what a client means by its URL', () => {
    fc.assert(
      fc.property(name, (text) => {
        // Two slashes in front would be a host.
        const { pathname } = new URL(`https://cdn.example.org${encodeKey(text)}`);
        expect(parseInvalidationPath(pathname.replaceAll('*', '%2A'))).toEqual(path(text));
      }),
    );
  });

  it('gives a target or an Error with a reason for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        try {
          expect(parseInvalidationPath(text).name).toMatch(/^\//);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
          expect(error).not.toBeInstanceOf(TypeError);
          expect(error).not.toBeInstanceOf(URIError);
        }
      }),
    );
  });
});

describe('a prefix of paths', () => {
  it.each([
    ['/spack', '/spack'],
    ['spack/', '/spack'],
    ['/a%20b/c//', '/a b/c'],
    ['/', ''],
  ])('%s', (text, expected) => {
    expect(parsePathPrefix(text)).toBe(expected);
  });

  it('is not a wildcard, and makes no path too long', () => {
    expect(() => parsePathPrefix('/a*')).toThrow(/wildcard/);
    expect(() => underPrefix(path(`/${'a'.repeat(3000)}`), `/${'b'.repeat(1000)}`)).toThrow(/4000/);
    expect(underPrefix(prefix('/a'), '/x')).toEqual(prefix('/x/a'));
  });
});

describe('a cache tag', () => {
  it('is compared in lower case, with or without its mark', () => {
    expect(parseCacheTag('#Product:Electronics')).toBe('product:electronics');
    expect(parseCacheTag('category:tv*')).toBe('category:tv*');
  });

  it.each(['', '#', 'a b', 'a,b', 'ä', 'a\u0000', 'a'.repeat(257)])('%j is refused', (text) => {
    expect(() => parseCacheTag(text)).toThrow();
  });
});
