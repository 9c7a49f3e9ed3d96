import { inspect } from 'node:util';
import { keyProblem, UserError } from '@slipway/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openStore, parseStoreUrl } from '../src/index.ts';

describe('the URL of a mirror', () => {
  test.each([
    ['file:///srv/mirror', '/srv/mirror'],
    ['file:///srv/mirror/', '/srv/mirror'],
    ['FILE://localhost/srv/@scope/mirror', '/srv/@scope/mirror'],
    ['file:///srv/with%20space/%C3%BC%25%3F', '/srv/with space/ü%?'],
    ['file:///srv/with space/ü', '/srv/with space/ü'],
    ['file:///srv/a/../b', '/srv/b'],
  ])('%s is a directory', (url, directory) => {
    expect(parseStoreUrl(url)).toEqual({ kind: 'file', url, directory });
  });

  test.each([
    ['https://cdn.example.org/', 'https://cdn.example.org'],
    ['https://cdn.example.org:8443/a%20b/c//', 'https://cdn.example.org:8443/a%20b/c'],
    ['http://127.0.0.1:8080/x', 'http://127.0.0.1:8080/x'],
    ['http://[::1]/x', 'http://[::1]/x'],
    ['http://localhost/x', 'http://localhost/x'],
  ])('%s is a server', (url, baseUrl) => {
    expect(parseStoreUrl(url)).toEqual({ kind: 'https', url, baseUrl });
  });

  test.each([
    ['s3://my-bucket', ''],
    ['s3://my-bucket/', ''],
    ['s3://my-bucket/a/b/', 'a/b'],
    ['s3://my-bucket//x', '/x'],
    ['s3://my-bucket/a//b//', 'a//b/'],
    ['s3://my-bucket/mit Leerzeichen/ü+%41~', 'mit Leerzeichen/ü+%41~'],
  ])('%s is a prefix of a bucket', (url, prefix) => {
    expect(parseStoreUrl(url)).toEqual({ kind: 's3', url, bucket: 'my-bucket', prefix });
  });

  test('s3:// opens only with credentials', async () => {
    await expect(openStore('s3://my-bucket/a')).rejects.toMatchObject({ code: 'not-supported' });
  });

  test.each([
    '',
    'mirror',
    './mirror',
    'file:mirror',
    'file:/srv/mirror',
    'file://mirror/dir',
    'file://./mirror',
    'file:///',
    'file:///..',
    'file:///srv/a%2Fb',
    'file:///srv/%00',
    'file:///srv/%zz%ff',
    'file:///srv/a?b',
    'file:///srv/a#b',
    'file:///srv/a\\b',
    ' file:///srv',
    'file:///srv\n',
    'ftp://host/x',
    'http://example.org/x',
    'http://127.0.0.1.example.org/',
    'http://localhost.example.org/',
    'https://',
    'https://host:99999/',
    'https://host/x?token=1',
    's3://',
    's3:///x',
    's3://b/x',
    's3://bucket/../x',
    's3://bucket//',
    's3://bucket/a//../b',
    `s3://bucket/${'x'.repeat(1001)}`,
    `https://host/${'x'.repeat(5000)}`,
  ])('%j is refused', (url) => {
    expect(() => parseStoreUrl(url)).toThrowError(expect.objectContaining({ code: 'input-invalid' }));
  });

  test('a plain path is refused with the URL to write instead', () => {
    expect(() => parseStoreUrl('/srv/my mirror')).toThrowError(
      expect.objectContaining({ code: 'input-invalid', hint: 'Write file:///srv/my%20mirror' }),
    );
  });

  test.each([
    'https://user:hunter2@host/x',
    'https://hunter2@host/x',
    'https://user:hunt/er2@host/hunter2',
    'https://user:a?hunter2@host',
    'https://user:a#hunter2@host',
    'https://user:hunter2@host:99999/',
    'file://user:hunter2@localhost/srv',
    's3://key:hunter2@bucket/x',
    'user:hunter2@host',
    '/user:hunter2@host',
    'ftp://user:hunter2@host',
    'https://host/x?X-Amz-Signature=hunter2',
    'https://host:bad/x#hunter2',
  ])('I7: %s is refused without showing its secret', (url) => {
    let thrown: unknown;
    try {
      // A "/" in the password ends the host for every parser: that URL has a path with "@" in it.
      parseStoreUrl(url);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(UserError);
    expect(inspect(thrown, { depth: 10 })).not.toContain('hunter2');
  });

  test('I8: any text gives a valid place or a Slipway error', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.webUrl({ withFragments: true, withQueryParameters: true }),
      fc
        .tuple(
          fc.constantFrom('file://', 'https://', 'http://', 's3://', 'file:', 'FILE:///'),
          fc.string({ unit: 'binary' }),
        )
        .map((parts) => parts.join('')),
      fc
        .array(fc.constantFrom('file:', '//', '/', '..', '%2e', '@', ':', '?', 'localhost', '%00', '\t', 'a'))
        .map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, (candidate) => {
        let place: ReturnType<typeof parseStoreUrl>;
        try {
          place = parseStoreUrl(candidate);
        } catch (error) {
          expect(error).toMatchObject({ code: 'input-invalid' });
          return;
        }
        expect(place.url).toBe(candidate);
        switch (place.kind) {
          case 'file':
            expect(place.directory).toMatch(/^\/./);
            expect(place.directory.split('/').slice(1)).not.toContain('..');
            expect(place.directory).not.toMatch(/[\u0000-\u001f]|\/$/);
            break;
          case 'https': {
            const url = new URL(place.baseUrl);
            expect([url.username, url.password, url.search, url.hash]).toEqual(['', '', '', '']);
            break;
          }
          case 's3':
            expect(place.bucket).toMatch(/^[\w.-]{3,63}$/);
            if (place.prefix !== '')
              expect(keyProblem(place.prefix.replace(/\/+/g, '/').replace(/^\/|\/$/g, ''))).toBeUndefined();
        }
      }),
      { numRuns: 2000 },
    );
  });
});
