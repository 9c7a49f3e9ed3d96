import { describe, expect, test } from 'vitest';
import { sentence, sentences, systemErrorCode, withDetails } from '../src/index.ts';

describe('joined error texts', () => {
  test.each([
    ['it is gone', 'it is gone.'],
    ['It is gone.', 'It is gone.'],
    ['is it gone?', 'is it gone?'],
    ['it says "no."', 'it says "no."'],
    ['and so on …', 'and so on …'],
    ['at its end ', 'at its end.'],
    ['a path/..', 'a path/..'],
    ['', ''],
  ])('%j as a sentence is %j', (text, expected) => {
    expect(sentence(text)).toBe(expected);
  });

  test('have one full stop between them, and none for missing ones', () => {
    expect(sentences('It failed', 'Run again.')).toBe('It failed. Run again.');
    expect(sentences('It failed.', undefined, '', 'Run again')).toBe('It failed. Run again.');
    expect(sentences()).toBe('');
  });

  test('never have empty brackets', () => {
    expect(withDetails('It answers 404', '')).toBe('It answers 404');
    expect(withDetails('It answers 404', undefined, 'age 7', '')).toBe('It answers 404 (age 7)');
    expect(withDetails('It failed', '503', 'SlowDown')).toBe('It failed (503; SlowDown)');
  });

  test('ignore the empty codes of Node, as from rmSync on a read-only disk', () => {
    expect(systemErrorCode(Object.assign(new Error(), { code: '' }))).toBeUndefined();
  });
});
