import { describe, expect, test } from 'vitest';
import {
  isConditionFailed,
  isSafeEndpoint,
  parseBaseUrl,
  parseEndpoint,
  RemoteError,
  UserError,
} from '../src/index.ts';

describe('an endpoint', () => {
  test.each([
    'https://example.org',
    'https://example.org:8443/a/',
    'http://localhost:9000',
    'http://127.0.0.1',
    'http://127.9.9.9:1',
    'http://[::1]:9000/',
  ])('may be %s', (text) => {
    expect(isSafeEndpoint(text)).toBe(true);
    expect(parseEndpoint(text).href).toBe(new URL(text).href);
  });

  test.each([
    ['http://example.org', 'https://'],
    ['http://127.0.0.1.example.org', 'https://'],
    ['ftp://localhost', 'http or https'],
    ['example.org', 'not an http or https URL'],
    ['', 'not an http or https URL'],
    [`https://example.org/${'a'.repeat(4096)}`, 'not an http or https URL'],
    ['https://example.org/?a', 'query'],
    ['https://example.org/#a', 'query'],
    ['https://example.org/?', 'query'],
  ])('cannot be %s', (text, why) => expect(() => parseEndpoint(text)).toThrow(why));

  test.each([
    'http://example.org',
    'ftp://localhost',
    'https://a@example.org',
    'https://:b@example.org',
    'x',
  ])('never gets a secret: %s', (text) => expect(isSafeEndpoint(text)).toBe(false));

  test.each(['https://user@example.org', 'https://:hunter2@example.org'])(
    'I7: with a user name or password is refused without repeating it',
    (text) => expect(() => parseEndpoint(text)).toThrow(UserError),
  );

  test('on any host may be http:// if that is allowed', () => {
    expect(parseBaseUrl('http://example.org/a//', { allowHttp: true })).toBe('http://example.org/a');
    expect(() => parseBaseUrl('file:///a', { allowHttp: true })).toThrow('http or https');
    expect(() => parseBaseUrl('http://a:b@example.org', { allowHttp: true })).toThrow(UserError);
  });

  test('as a base has no trailing slash', () => {
    expect(parseBaseUrl('https://example.org')).toBe('https://example.org');
    expect(parseBaseUrl('https://example.org/a/')).toBe('https://example.org/a');
    expect(parseBaseUrl(`https://example.org/a${'/'.repeat(4_000)}b//`)).toMatch(/\/b$/);
  });
});

test('a failed condition is recognised by its code, also across threads', () => {
  expect(isConditionFailed(new RemoteError('condition-failed', ''))).toBe(true);
  expect(isConditionFailed({ code: 'condition-failed' })).toBe(true);
  for (const other of [
    new RemoteError('contention', ''),
    new Error('condition-failed'),
    undefined,
    null,
    'x',
  ])
    expect(isConditionFailed(other)).toBe(false);
});
