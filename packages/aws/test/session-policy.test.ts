import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type PolicyScope, scopedSessionPolicy } from '../src/session-policy.ts';
import { errorOf } from './support.ts';

const scope: PolicyScope = { partition: 'aws', bucket: 'binaries', prefix: 'spack/v3', access: 'write' };

interface Statement {
  readonly Effect: string;
  readonly Action: readonly string[];
  readonly Resource: string;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

function statements(changes: Partial<PolicyScope> = {}): readonly Statement[] {
  return JSON.parse(scopedSessionPolicy({ ...scope, ...changes })).Statement;
}

const actions = (changes: Partial<PolicyScope>): readonly string[] =>
  statements(changes).flatMap(({ Action }) => Action);

describe('a session policy that is limited to a prefix', () => {
  test('allows listing the prefix, and reading, storing and removing what is below it', () => {
    const [list, missing, uploads, objects] = statements();
    const ofBucket = { Effect: 'Allow', Resource: 'arn:aws:s3:::binaries' };
    const listing = { ...ofBucket, Action: ['s3:ListBucket'] };
    expect(list).toEqual({ ...listing, Condition: { StringLike: { 's3:prefix': 'spack/v3/*' } } });
    expect(missing).toEqual({ ...listing, Condition: { Null: { 's3:prefix': 'true' } } });
    expect(uploads).toEqual({ ...ofBucket, Action: ['s3:ListBucketMultipartUploads'] });
    expect(objects).toEqual({
      Effect: 'Allow',
      Action: [
        's3:GetObject',
        's3:PutObject',
        's3:DeleteObject',
        's3:AbortMultipartUpload',
        's3:ListMultipartUploadParts',
      ],
      Resource: 'arn:aws:s3:::binaries/spack/v3/*',
    });
  });

  test('allows no changes if an action only reads', () => {
    expect(new Set(actions({ access: 'read' }))).toEqual(
      new Set(['s3:ListBucket', 's3:GetObject', 'kms:Decrypt']),
    );
  });

  test('allows ACLs only on request', () => {
    expect(actions({})).not.toContain('s3:PutObjectAcl');
    expect(actions({ acl: true })).toContain('s3:PutObjectAcl');
    expect(actions({ acl: true, access: 'read' })).not.toContain('s3:PutObjectAcl');
  });

  test('allows KMS keys only through S3', () => {
    const kms = statements().find(({ Action }) => Action.some((action) => action.startsWith('kms:')));
    expect(kms?.Condition).toEqual({ StringLike: { 'kms:ViaService': 's3.*' } });
  });

  test('covers a bucket without a prefix', () => {
    const [list, , objects] = statements({ prefix: '' });
    expect(list).not.toHaveProperty('Condition');
    expect(objects?.Resource).toBe('arn:aws:s3:::binaries/*');
  });

  test.each([
    ['aws-cn', 'arn:aws-cn:s3:::binaries', true],
    ['aws-us-gov', 'arn:aws-us-gov:s3:::binaries', true],
    ['aws-iso-b', 'arn:aws-iso-b:s3:::binaries', true],
    ['minio', 'arn:aws:s3:::binaries', false],
  ])('for the partition %s is in the form of its server', (partition, resource, hasKms) => {
    expect(statements({ partition })[0]?.Resource).toBe(resource);
    expect(actions({ partition }).some((action) => action.startsWith('kms:'))).toBe(hasKms);
  });

  test('escapes pattern characters in a prefix', () => {
    const escaped = ['a$', '{*}b$', '{?}c$', '{$}d'].join('');
    expect(statements({ prefix: 'a*b?c$d' })[3]?.Resource).toBe(`arn:aws:s3:::binaries/${escaped}/*`);
  });

  test('has at most 2,048 characters, or reports that it does not fit', async () => {
    expect(scopedSessionPolicy({ ...scope, prefix: 'p'.repeat(600) }).length).toBeLessThanOrEqual(2_048);
    const error = await errorOf(() => scopedSessionPolicy({ ...scope, prefix: 'p'.repeat(1_000) }));
    expect(error).toMatchObject({ code: 'input-invalid' });
    expect(error.message).toContain('STS accepts 2,048');
  });

  test('is minified JSON of the same shape for every prefix', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 100 }), (prefix) => {
        const text = scopedSessionPolicy({ ...scope, prefix });
        expect(JSON.stringify(JSON.parse(text))).toBe(text);
        expect(JSON.parse(text).Statement).toHaveLength(prefix === '' ? 4 : 5);
      }),
    );
  });
});
