import type { InputDeclarations } from '@slipway/runner';
import { describe, expect, test } from 'vitest';
import { awsInputs, awsProblems, regionOf } from '../src/index.ts';
import { parsedInputs } from './support.ts';

const role = 'arn:aws:iam::123456789012:role/publish';

type Texts = Readonly<Record<string, string>>;

function parse(texts: Texts, environment: Texts = { AWS_REGION: 'eu-central-1' }, needed = true) {
  return parsedInputs(texts, environment, needed);
}

async function problems(...args: Parameters<typeof parse>): Promise<string> {
  return parse(...args).then(
    () => 'none',
    (error: Error) => error.message,
  );
}

describe('inputs that name credentials', () => {
  test.each([
    ['a role', { 'role-to-assume': role }],
    ['a role of another partition', { 'role-to-assume': role.replace('aws', 'aws-us-gov') }],
    [
      'a role of MinIO',
      { 'role-to-assume': 'arn:minio:iam:::role/x', 'sts-endpoint-url': 'http://127.0.0.1:9000' },
    ],
    ['keys', { 'access-key-id': 'AKIA0', 'secret-access-key': 'hunter2' }],
    ['temporary keys', { 'access-key-id': 'AKIA0', 'secret-access-key': 'hunter2', 'session-token': 't' }],
    ['nothing, for what the machine has', {}],
    [
      'accounts on lines and with commas',
      { 'expected-account-ids': '123456789012, 210987654321\n310987654321' },
    ],
  ])('may be %s', async (_, texts: Texts) => expect(await problems(texts)).toBe('none'));

  test.each<[string, Texts, string]>([
    [
      'an access key alone',
      { 'access-key-id': 'AKIA0' },
      'access-key-id is given without secret-access-key: give both or neither',
    ],
    [
      'a secret alone',
      { 'secret-access-key': 'hunter2' },
      'secret-access-key is given without access-key-id: give both or neither',
    ],
    [
      'a session token alone',
      { 'session-token': 'hunter2' },
      'session-token is given without access-key-id and secret-access-key',
    ],
    [
      'a role and keys',
      { 'role-to-assume': role, 'access-key-id': 'A', 'secret-access-key': 'hunter2' },
      'role-to-assume and a key pair are given: give one of them',
    ],
    [
      'a scoped policy without a role',
      { 'session-policy': 'scoped' },
      'session-policy is scoped, but there is no role-to-assume',
    ],
    ['an audience without a role', { audience: 'x' }, 'audience is given, but no role-to-assume'],
    [
      'a session name without a role',
      { 'role-session-name': 'xy' },
      'role-session-name is given, but no role-to-assume',
    ],
    ['an invalid ARN', { 'role-to-assume': 'publish' }, 'must be the ARN of a role'],
    [
      'an unusable session name',
      { 'role-to-assume': role, 'role-session-name': 'a b' },
      'must be 2 to 64 letters',
    ],
    ['a life that is too short', { 'role-duration': '14m' }, 'must be from 15m to 12h'],
    ['a life that is too long', { 'role-duration': '13h' }, 'must be from 15m to 12h'],
    ['an endpoint without TLS', { 'endpoint-url': 'http://s3.example.org' }, 'it must be an https:// URL'],
    ['an STS without TLS', { 'sts-endpoint-url': 'http://sts.example.org' }, 'it must be an https:// URL'],
    [
      'an endpoint with a password',
      { 'endpoint-url': 'https://a:b@s3.example.org' },
      'must not contain a user name or password',
    ],
    [
      'an endpoint with a query',
      { 'endpoint-url': 'https://s3.example.org/?a' },
      'it must not have a query or a fragment',
    ],
    ['half an account', { 'expected-account-ids': '123456' }, 'an account ID has twelve digits'],
    [
      'a session token of two lines',
      { 'access-key-id': 'A', 'secret-access-key': 'b', 'session-token': 'hunter2\nhunter2' },
      'session-token cannot be used: it has 2 lines',
    ],
    [
      'an access key with a word before it',
      { 'access-key-id': 'key: A', 'secret-access-key': 'hunter2' },
      'access-key-id cannot be "key: A": it has a space',
    ],
    [
      'a secret of two lines',
      { 'access-key-id': 'A', 'secret-access-key': 'hunter2\rhunter2' },
      'secret-access-key cannot be used: it has 2 lines',
    ],
    ['a role of two lines', { 'role-to-assume': `${role}\n${role}` }, 'it has 2 lines'],
    ['an audience of two lines', { 'role-to-assume': role, audience: 'a\nb' }, 'it has 2 lines'],
    ['an endpoint of two lines', { 'endpoint-url': 'https://s3.example\n.org' }, 'it has 2 lines'],
    ['an invalid region', { 'aws-region': 'eu central 1' }, 'must be the name of a region'],
  ])('may not be %s', async (_, texts, words) => {
    const found = await problems(texts);
    expect(found).toContain(words);
    expect(found).not.toContain('hunter2');
  });

  test('are reported all at once', async () => {
    const texts = { 'secret-access-key': 'hunter2', audience: 'x', 'session-policy': 'scoped' };
    expect(await problems(texts, {})).toMatch(/^4 problems in its inputs:\n/);
  });

  test('include those of the environment, unless a role or keys are given', async () => {
    const environment = { AWS_REGION: 'eu-central-1', AWS_ACCESS_KEY_ID: 'AKIA0' };
    expect(await problems({}, environment)).toContain('AWS_SECRET_ACCESS_KEY is not: set both or neither');
    expect(await problems({ 'role-to-assume': role }, environment)).toBe('none');
    expect(await problems({ 'access-key-id': 'A', 'secret-access-key': 'B' }, environment)).toBe('none');
  });
});

describe('the region', () => {
  const missing = 'aws-region is not given, and neither AWS_REGION nor AWS_DEFAULT_REGION is set';

  test('is required, unless the run does not use AWS', async () => {
    expect(await problems({}, {})).toBe(missing);
    expect(await problems({}, {}, false)).toBe('none');
    expect(await problems({ 'endpoint-url': 'https://s3.example.org' }, {})).toBe('none');
  });

  test.each<[Texts, Texts, string | undefined]>([
    [{ 'aws-region': 'a-1' }, { AWS_REGION: 'b-1', AWS_DEFAULT_REGION: 'c-1' }, 'a-1'],
    [{}, { AWS_REGION: 'b-1', AWS_DEFAULT_REGION: 'c-1' }, 'b-1'],
    [{}, { AWS_REGION: '', AWS_DEFAULT_REGION: 'c-1' }, 'c-1'],
    [{}, { AWS_REGION: 'b-1\r\n' }, 'b-1'],
    [{}, { AWS_REGION: '\n', AWS_DEFAULT_REGION: 'c-1\n' }, 'c-1'],
    [{ 'aws-region': 'a-1' }, { AWS_REGION: 'b 1' }, 'a-1'],
    [{ 'endpoint-url': 'https://s3.example.org' }, {}, 'us-east-1'],
    [{ 'endpoint-url': 'https://s3.example.org' }, { AWS_REGION: 'b-1' }, 'b-1'],
  ])('of %j in %j is %s', async (texts, environment, region) => {
    expect(regionOf(await parse(texts, environment), environment)).toBe(region);
  });

  test('from a variable with an invalid value is refused by the name of the variable', async () => {
    expect(await problems({}, { AWS_DEFAULT_REGION: 'eu-central-1\nx' })).toBe(
      'the variable AWS_DEFAULT_REGION cannot be "eu-central-1\\u{a}x": must be the name of a region',
    );
    expect(await problems({}, { AWS_REGION: 'EU Frankfurt' }, false)).toBe('none');
  });

  test('of a service that has only one is optional', async () => {
    const given = await parse({}, {}, false);
    expect(regionOf(given, {}, 'us-east-1')).toBe('us-east-1');
    expect(awsProblems(given, { environment: {} }, { defaultRegion: 'us-east-1' })).toEqual([]);
  });
});

test('secrets are declared as secrets, so that they are masked and never plain arguments', () => {
  const declarations: InputDeclarations = awsInputs;
  const secrets = Object.keys(declarations).filter((name) => declarations[name]?.secret);
  expect(secrets).toEqual(['secret-access-key', 'session-token']);
});
