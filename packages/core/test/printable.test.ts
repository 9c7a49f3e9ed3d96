import { describe, expect, test } from 'vitest';
import { printable } from '../src/printable.ts';

describe('I8: two colons in what is printed', () => {
  test.each(['::error::x', '  ::error::x', ':::', 'x::y', 'arn::error::x', 'barn:aws:iam::x'])(
    'are broken up in %j',
    (text) => expect(printable(text)).not.toMatch(/^\s*::|x::y|arn::|iam::/),
  );

  test.each([
    'arn:aws:iam::123456789012:role/publish',
    'arn:aws-us-gov:sts::123456789012:assumed-role/a/b',
    'arn:aws:s3:::bucket/key',
    'arn:minio:iam:::role/x',
    '{"Resource": "arn:aws:s3:::bucket"}',
  ])('stay where they are a part of an ARN that is copied: %j', (text) => {
    expect(printable(text)).toBe(text);
  });

  test('are broken up again behind an ARN', () => {
    expect(printable('arn:aws:s3:::bucket::error::x')).toBe('arn:aws:s3:::bucket:\u200b:error:\u200b:x');
  });
});
