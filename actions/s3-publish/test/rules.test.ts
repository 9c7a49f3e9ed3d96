import { contentTypeOf } from '@slipway/store/content-type';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { excludes, parseKeyGlob } from '../src/globs.ts';
import { HeaderDigests, type HeaderRules, headersOf } from '../src/headers.ts';
import { inputs } from '../src/inputs.ts';

function matches(glob: string, key: string): boolean {
  return parseKeyGlob(glob).matches(key);
}

const noRules: HeaderRules = {
  cacheControl: [],
  contentType: [],
  metadata: [],
  immutable: [],
  pointers: [],
  storedAs: '',
};

describe('a glob', () => {
  test.each([
    ['*.html', 'index.html', true],
    ['*.html', 'a/b/index.html', true],
    ['/*.html', 'index.html', true],
    ['/*.html', 'a/index.html', false],
    ['a/*.html', 'a/index.html', true],
    ['a/*.html', 'b/a/index.html', false],
    ['a/*.html', 'a/b/index.html', false],
    ['a/**', 'a/b/index.html', true],
    ['a/', 'a/b/index.html', true],
    ['a/', 'a', true],
    ['**', '.well-known/x', true],
    ['*', '.hidden', true],
    ['{a,b}.txt', 'b.txt', true],
    ['*.html', 'index.htm', false],
  ])('%s and %s', (glob, key, expected) => {
    expect(matches(glob, key)).toBe(expected);
  });

  test('that excludes a directory excludes everything below, at any depth', () => {
    const globs = [parseKeyGlob('node_modules'), parseKeyGlob('/drafts')];
    expect(excludes(globs, 'a/node_modules/b/c.js')).toBe(true);
    expect(excludes(globs, 'drafts/x.html')).toBe(true);
    expect(excludes(globs, 'a/drafts/x.html')).toBe(false);
  });

  test('is refused when it is empty or too long', () => {
    expect(() => parseKeyGlob('')).toThrow('empty');
    expect(() => parseKeyGlob('/')).not.toThrow();
    expect(() => parseKeyGlob('x'.repeat(2_000))).toThrow('longer');
  });

  test('never takes long or throws for any key', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), fc.string({ maxLength: 200 }), (glob, key) => {
        let test: ((key: string) => boolean) | undefined;
        try {
          test = parseKeyGlob(glob).matches;
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
        expect(typeof (test?.(key) ?? true)).toBe('boolean');
      }),
    );
  });
});

const hostileLines = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('**: ', '*.js: a=', '\n', '\r', 'text/plain', '::error::x'),
    ),
  )
  .map((pieces) => pieces.join(''));

describe('rules', () => {
  const rules: HeaderRules = {
    ...noRules,
    cacheControl: inputs['cache-control'].parse(
      '**: public, max-age=60\n*.html: no-cache\n# a comment\n\n/a/*: private',
    ),
    contentType: inputs['content-type'].parse(
      '*.spack: application/x-spack\n*.json: application/json; charset=utf-8',
    ),
    metadata: inputs.metadata.parse('**: Commit=abc\n*.js: commit=def\n*.js: from = ci: build 7'),
  };

  test('the last that matches wins', () => {
    expect(headersOf('x.js', rules).headers.cacheControl).toBe('public, max-age=60');
    expect(headersOf('b/x.html', rules).headers.cacheControl).toBe('no-cache');
    expect(headersOf('a/x.html', rules).headers.cacheControl).toBe('private');
  });

  test('metadata adds up, name by name', () => {
    expect(headersOf('x.js', rules).headers.metadata).toEqual({ commit: 'def', from: 'ci: build 7' });
    expect(headersOf('x.css', rules).headers.metadata).toEqual({ commit: 'abc' });
    expect(headersOf('x.css', noRules).headers.metadata).toBeUndefined();
  });

  test('content types come from rules, then from the extension', () => {
    expect(headersOf('x.json', rules).contentType).toBe('application/json; charset=utf-8');
    expect(headersOf('a/x.spack', rules).contentType).toBe('application/x-spack');
    expect(contentTypeOf('a/index.HTML')).toBe('text/html; charset=utf-8');
    expect(contentTypeOf('x.tar.gz')).toBe('application/gzip');
    expect(contentTypeOf('html')).toBe('application/octet-stream');
    expect(contentTypeOf('x.unheard-of')).toBe('application/octet-stream');
  });

  test.each([
    ['v1/SHA256SUMS.asc', 'application/pgp-signature'],
    ['app.zip.asc', 'application/pgp-signature'],
    ['app.zip.sig', 'application/pgp-signature'],
    ['keys/signing-key.asc', 'application/pgp-keys'],
    [`${'0123456789ABCDEF'.repeat(2)}01234567.asc`, 'application/pgp-keys'],
    ['monkey-1.0.tar.gz.asc', 'application/pgp-signature'],
    ['SHA256SUMS', 'text/plain; charset=utf-8'],
    ['app.zip.sha256', 'text/plain; charset=utf-8'],
    ['app.cdx.json', 'application/vnd.cyclonedx+json'],
    ['app.spdx.json', 'application/spdx+json'],
    ['spack-1.0-py3-none-any.WHL', 'application/zip'],
    ['app.tar.zst', 'application/zstd'],
    ['app.tgz', 'application/gzip'],
    ['app.deb', 'application/vnd.debian.binary-package'],
    ['App.AppImage', 'application/vnd.appimage'],
    ['app.wasm', 'application/wasm'],
    ['app.mjs', 'text/javascript; charset=utf-8'],
    ['site.webmanifest', 'application/manifest+json'],
    ['photo.avif', 'image/avif'],
    ['x.constructor', 'application/octet-stream'],
  ])('%s is %s', (key, type) => {
    expect(contentTypeOf(key)).toBe(type);
  });

  test('content encodings come from rules, and determine the type of the compressed content', () => {
    const { parse } = inputs['content-encoding'];
    const encoded: HeaderRules = {
      ...noRules,
      contentEncoding: parse('*.gz: gzip\n*.tar.gz: identity\n*.br: BR\n*.html: gzip\nraw/: identity'),
    };
    const facts = (key: string) => {
      const { contentType, headers } = headersOf(key, encoded);
      return [contentType, headers.contentEncoding];
    };
    expect(facts('app.js.gz')).toEqual(['text/javascript; charset=utf-8', 'gzip']);
    expect(facts('app.css.br')).toEqual(['text/css; charset=utf-8', 'br']);
    expect(facts('index.html')).toEqual(['text/html; charset=utf-8', 'gzip']);
    expect(facts('app.tar.gz')).toEqual(['application/gzip', undefined]);
    expect(facts('a.svgz')).toEqual(['image/svg+xml', 'gzip']);
    expect(facts('raw/a.svgz')).toEqual(['image/svg+xml', undefined]);
    expect(headersOf('app.js.gz', noRules)).toMatchObject({ contentType: 'application/gzip' });
    expect(headersOf('app.js.gz', noRules).headers.contentEncoding).toBeUndefined();
    expect(headersOf('A.SVGZ', noRules).headers.contentEncoding).toBe('gzip');
    expect(() => parse('*.gz: x-gzip')).toThrow('one of gzip, br, zstd, deflate, identity');
    expect(() => parse('*.gz: gzip, br')).toThrow('must be one of');
  });

  test('an encoding changes the digest, and without one the digest is that of old inventories', () => {
    const { parse } = inputs['content-encoding'];
    const digest = (some: HeaderRules) => new HeaderDigests(some).of('x.js');
    expect(digest({ ...noRules, contentEncoding: parse('*: gzip') })).not.toBe(digest(noRules));
    expect(digest({ ...noRules, contentEncoding: parse('*: identity') })).toBe(digest(noRules));
    // Inventories contain this one: with another, every object would be stored again.
    expect(digest(noRules)).toBe('7cba38f84cc8831b');
  });

  test('a change of any header, or of the common settings, changes the digest', () => {
    const digests = [
      noRules,
      rules,
      { ...noRules, storedAs: 'x' },
      { ...noRules, pointers: [parseKeyGlob('**')] },
      { ...noRules, metadata: rules.metadata },
      { ...noRules, cacheControl: rules.cacheControl },
    ].map((some) => new HeaderDigests(some).of('x.js'));
    expect(new Set(digests).size).toBe(digests.length);
    expect(new HeaderDigests(rules).of('x.js')).toBe(new HeaderDigests({ ...rules }).of('y/x.js'));
  });

  test('all bad lines are reported at once', () => {
    const parse = () =>
      inputs.metadata.parse(
        'no rule\n**: no pair\n**: ok=1\n**: é=1\n**: a=\u00fc\n**: sha256=1\n**: slipway-x=1',
      );
    for (const words of ['no rule', 'no pair', 'é=1', 'a=\u00fc', 'sha256=1', 'slipway-x']) {
      expect(parse).toThrow(words);
    }
    expect(parse).not.toThrow('ok=1');
  });

  test.each([
    ['cache-control', '**: a\u0007b'],
    ['cache-control', '**: '],
    ['cache-control', `**: ${'x'.repeat(2_000)}`],
    ['content-type', '**: html'],
    ['content-type', '**: text/html; charset'],
    ['content-type', '**: text/html\u00e9'],
    ['metadata', '**: =x'],
    ['immutable', 'x'.repeat(3_000)],
  ] as const)('%s refuses %j', (name, line) => {
    expect(() => inputs[name].parse(line)).toThrow();
  });

  test('hostile lines are refused or harmless', () => {
    fc.assert(
      fc.property(hostileLines, (text) => {
        for (const name of ['cache-control', 'content-type', 'metadata'] as const) {
          try {
            for (const { value } of inputs[name].parse(text)) {
              const header = typeof value === 'string' ? value : `${value.name}: ${value.value}`;
              expect(header).toMatch(/^[\x20-\x7e]+$/);
            }
          } catch (error) {
            expect(error).toBeInstanceOf(Error);
            expect(String(error)).not.toMatch(/[\r\n]|::/);
          }
        }
      }),
    );
  });
});
