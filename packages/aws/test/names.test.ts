import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { accountOfArn, isRoleArn, parseRoleArn } from '../src/role-arn.ts';
import { defaultSessionName, isSessionName } from '../src/session-name.ts';

describe('the ARN of a role', () => {
  test.each([
    ['arn:aws:iam::123456789012:role/publish', 'aws', '123456789012', 'publish'],
    ['arn:aws:iam::123456789012:role/ci/publish', 'aws', '123456789012', 'ci/publish'],
    ['arn:aws-us-gov:iam::123456789012:role/p', 'aws-us-gov', '123456789012', 'p'],
    ['arn:aws-cn:iam::123456789012:role/p', 'aws-cn', '123456789012', 'p'],
    ['arn:minio:iam:::role/dGVzdA', 'minio', undefined, 'dGVzdA'],
    ['arn:aws:iam::role/names', 'aws', undefined, 'names'],
  ])('%s is taken apart', (arn, partition, accountId, role) => {
    expect(parseRoleArn(arn)).toEqual({ partition, accountId, role });
  });

  test.each([
    '',
    'publish',
    'arn:aws:iam::123456789012:user/publish',
    'arn:aws:iam::12345678901:role/publish',
    'arn:aws:sts::123456789012:assumed-role/publish/session',
    'arn:aws:iam::123456789012:role/',
    'arn:aws:iam::123456789012:role/a b',
    'arn:aws:iam::123456789012:role/a\n::error::b',
    ' arn:aws:iam::123456789012:role/publish',
  ])('is not %j', (text) => expect(isRoleArn(text)).toBe(false));

  test('is recognised in any text without an error', () => {
    fc.assert(fc.property(fc.string(), (text) => void isRoleArn(`arn:aws:iam::${text}`)));
  });

  test('contains the account, as does the ARN of its session', () => {
    expect(accountOfArn('arn:aws:sts::123456789012:assumed-role/publish/session')).toBe('123456789012');
    expect(accountOfArn('arn:minio:iam:::role/x')).toBeUndefined();
    expect(accountOfArn('')).toBeUndefined();
  });
});

describe('the name of a session', () => {
  test.each([
    [{ GITHUB_REPOSITORY: 'org/lib', GITHUB_RUN_ID: '4711' }, 'slipway-org-lib-4711'],
    [{ GITHUB_REPOSITORY: 'org/lib' }, 'slipway-org-lib'],
    [{}, 'slipway'],
    [
      { GITHUB_REPOSITORY: `org/${'x'.repeat(100)}`, GITHUB_RUN_ID: '4711' },
      `slipway-org-${'x'.repeat(47)}-4711`,
    ],
  ])('for %j is %s', (environment, name) => expect(defaultSessionName(environment)).toBe(name));

  test('is valid for STS, whatever the environment contains', () => {
    const odd = fc
      .array(fc.constantFrom('/', ' ', '\n', 'é', '😀', '::', 'a', '@'))
      .map((parts) => parts.join(''));
    const anyText = fc.oneof(odd, fc.string({ minLength: 50, maxLength: 200 }));
    fc.assert(
      fc.property(anyText, anyText, (repository, run) => {
        const name = defaultSessionName({ GITHUB_REPOSITORY: repository, GITHUB_RUN_ID: run });
        expect(isSessionName(name)).toBe(true);
      }),
    );
  });
});
