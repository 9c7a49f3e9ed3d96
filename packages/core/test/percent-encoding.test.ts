import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeKey } from '../src/index.ts';

describe('a key in a URL', () => {
  test('keeps what RFC 3986 calls unreserved, and the slashes between segments', () => {
    expect(encodeKey('a/b c/1.0~rc+2/(x)*.json')).toBe('a/b%20c/1.0~rc%2B2/%28x%29%2A.json');
  });

  test('I8: is never a CDN wildcard, a query or another path, and decodes to itself', () => {
    const key = fc.string({ unit: 'grapheme', minLength: 1 });
    fc.assert(
      fc.property(key, (candidate) => {
        const encoded = encodeKey(candidate);
        expect(encoded).toMatch(/^[A-Za-z0-9\-._~%/]*$/);
        expect(encoded.split('/').map(decodeURIComponent).join('/')).toBe(candidate);
      }),
    );
  });
});
