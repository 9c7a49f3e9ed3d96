import { failureOf, runAction, temporaryDirectory } from '@slipway/testkit';
import { describe, expect, it } from 'vitest';
import { action } from '../src/action.ts';
import { type InputTexts, makeTree } from './publishing.ts';

const source = makeTree({ a: 'a' });

function failure(inputs: InputTexts): Promise<Error> {
  return failureOf(
    runAction(action, { source, destination: 's3://bucket/site', 'aws-region': 'us-east-1', ...inputs }),
  );
}

describe('bad input', () => {
  it('is reported in one error that names each input', async () => {
    const error = await failure({
      source: '!only/excluded',
      exclude: 'x'.repeat(2_000),
      destination: 'https://user:hunter2@example.org/',
      delete: 'everything',
      'cache-control': 'no-cache',
      'content-type': '**: html',
      metadata: '**: =',
      acl: 'Public!',
      'storage-class': 'cold',
      encryption: 'rot13',
      'part-size': '1 MiB',
      concurrency: '0',
      verify: 'maybe',
      'base-url': 'cdn.example.org',
      'dry-run': 'perhaps',
      'role-to-assume': 'me',
    });
    expect(error).toMatchObject({ code: 'input-invalid' });
    const named = [
      'source',
      'exclude',
      'destination',
      'delete',
      'cache-control',
      'content-type',
      'metadata',
      'acl',
      'storage-class',
      'encryption',
      'part-size',
      'concurrency',
      'verify',
      'base-url',
      'dry-run',
      'role-to-assume',
    ];
    for (const name of named) expect(error.message).toContain(`"${name}"`);
    expect(error.message).not.toContain('hunter2');
  });

  it('a whole bucket is not emptied without allow-root-delete', async () => {
    for (const destination of ['s3://bucket', 's3://bucket/']) {
      const error = await failure({ destination, delete: 'extraneous' });
      expect(error).toMatchObject({
        code: 'input-invalid',
        message: expect.stringContaining('allow-root-delete'),
      });
    }
  });

  it('an incomplete key pair, and keys beside a role', async () => {
    expect((await failure({ 'access-key-id': 'AKIDEXAMPLE' })).message).toContain('secret-access-key');
    const both = await failure({
      'role-to-assume': 'arn:aws:iam::123456789012:role/publish',
      'access-key-id': 'AKIDEXAMPLE',
      'secret-access-key': 'a-secret-key-of-a-test',
    });
    expect(both.message).toContain('role-to-assume');
    expect(both.message).not.toContain('a-secret-key-of-a-test');
  });

  it('a destination that can only be read', async () => {
    expect((await failure({ destination: 'https://example.org/site' })).message).toContain('read-only');
  });

  it.each([
    ['no region', { 'aws-region': undefined }, 'aws-region'],
    ['a source that is missing', { source: 'nowhere/to/be/found' }, 'nowhere/to/be/found'],
    [
      'base-url with credentials',
      { 'base-url': 'https://user:hunter2@cdn.example.org' },
      'user name or password',
    ],
    ['encryption with a key that is none', { encryption: 'aws:kms:no key' }, 'aws:kms:KEY'],
  ])('%s', async (_, inputs, words) => {
    const error = await failure(inputs);
    expect(error.message).toContain(words);
    expect(`${error.message} ${error.stack}`).not.toContain('hunter2');
  });

  it('needs no region and no credentials for a directory', async () => {
    const run = await runAction(action, { source, destination: `file://${temporaryDirectory('out')}` });
    expect(run.outputs).toMatchObject({ uploaded: 1 });
  });
});
