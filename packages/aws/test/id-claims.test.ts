import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { claimLines, decodeClaims } from '../src/id-claims.ts';
import { parseRoleArn } from '../src/role-arn.ts';
import { subjectOf, trustPolicy } from '../src/trust-policy.ts';

function tokenOf(claims: unknown): string {
  return `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2lnbmF0dXJl`;
}

describe('I8: the claims of any token', () => {
  const anyTokens = fc.oneof(
    fc.string(),
    fc.string({ unit: 'binary' }),
    fc.jsonValue().map(tokenOf),
    fc
      .record({
        iss: fc.anything(),
        sub: fc.oneof(fc.string({ unit: 'binary' }), fc.constant('a\n::error::b')),
        aud: fc.oneof(fc.string(), fc.array(fc.string()), fc.jsonValue()),
        exp: fc.oneof(fc.double(), fc.integer(), fc.string()),
        __proto__: fc.string(),
      })
      .map((claims) => {
        try {
          return tokenOf(claims);
        } catch {
          return '';
        }
      }),
  );

  test('are bounded lines, never workflow commands, whatever they contain', () => {
    fc.assert(
      fc.property(anyTokens, (token) => {
        const lines = claimLines(decodeClaims(token));
        expect(lines.length).toBeLessThanOrEqual(15);
        for (const line of lines) {
          expect(line.length).toBeLessThan(4_000);
          expect(line).not.toMatch(/[\u0000-\u001f\u202e]|^\s*::/);
        }
      }),
    );
  });

  test('make a policy that is valid JSON, with their text only inside its quotes', () => {
    const role = parseRoleArn('arn:aws:iam::123456789012:role/publish');
    if (role === undefined) throw new Error('it is an ARN');
    fc.assert(
      fc.property(anyTokens, (token) => {
        const policy = JSON.parse(trustPolicy(decodeClaims(token), role));
        expect(policy.Statement).toHaveLength(1);
        expect(Object.keys(policy.Statement[0].Condition)).toEqual(['StringEquals']);
      }),
    );
  });
});

test('a repeated claim makes all of them unreadable', () => {
  const payload = Buffer.from('{"sub":"a","sub":"b"}').toString('base64url');
  expect(decodeClaims(`e30.${payload}.c2ln`)).toEqual({});
});

test('claims are shown with readable times, and nothing of the token', () => {
  const claims = {
    iss: 'https://a',
    sub: 'repo:a/b:x',
    aud: ['one', 'two'],
    exp: 1_700_000_000,
    jti: 'secret-id',
  };
  expect(claimLines(decodeClaims(tokenOf(claims)))).toEqual([
    'iss: https://a',
    'sub: repo:a/b:x',
    'aud: one, two',
    'exp: 2023-11-14T22:13:20.000Z',
  ]);
});

describe('the sub of a token', () => {
  const ids = { repository_owner_id: '1', repository_id: 2 };

  test.each([
    ['repo:org/lib:ref:refs/heads/main', 'names', 'repo:org@1/lib@2:ref:refs/heads/main'],
    ['repo:org@1/lib@2:environment:a:b', 'numbers', 'repo:org/lib:environment:a:b'],
    ['repo:org/lib:pull_request', 'names', 'repo:org@1/lib@2:pull_request'],
    ['repository_id:2:ref:x', undefined, undefined],
  ])('%s has its form, and is converted to the other', (sub, form, otherText) => {
    expect(subjectOf({ sub, ...ids })).toEqual({ text: sub, form, otherText });
  });

  test('has only one form if the claims have no numbers, and is undefined if empty', () => {
    expect(subjectOf({ sub: 'repo:a/b:c' })).toMatchObject({ form: 'names', otherText: undefined });
    expect(subjectOf({ sub: '' })).toBeUndefined();
    expect(subjectOf({ sub: { text: 'x' } })).toBeUndefined();
  });
});

test.each([
  ['arn:aws:iam::123456789012:role/publish', 'aws', '123456789012'],
  ['arn:aws-us-gov:iam::123456789012:role/publish', 'aws-us-gov', '123456789012'],
  ['arn:aws-cn:iam::123456789012:role/publish', 'aws-cn', '123456789012'],
  ['arn:minio:iam:::role/idp', 'minio', '<ACCOUNT-ID>'],
])('the trust policy for %s is of its partition and account', (arn, partition, account) => {
  const role = parseRoleArn(arn);
  if (role === undefined) throw new Error('it is an ARN');
  const claims = { iss: 'https://token.actions.githubusercontent.com', sub: 'repo:a/b:c' };
  expect(JSON.parse(trustPolicy(claims, role)).Statement[0]).toMatchObject({
    Principal: {
      Federated: `arn:${partition}:iam::${account}:oidc-provider/token.actions.githubusercontent.com`,
    },
    Condition: {
      StringEquals: {
        'token.actions.githubusercontent.com:aud':
          partition === 'aws-cn' ? 'sts.amazonaws.com.cn' : 'sts.amazonaws.com',
        'token.actions.githubusercontent.com:sub': 'repo:a/b:c',
      },
    },
  });
});
