import { createHash } from 'node:crypto';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import type { ObjectStore } from '@slipway/core';
import type { SourceFile } from '@slipway/simple-index';
import { openStore } from '@slipway/store';
import { haveMinio, type Minio, startMinio } from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { learnHashes, listIndex, withoutNested } from '../src/index.ts';

/** The objects that a listing gives, in the order of their keys. */
async function list(
  store: ObjectStore,
  directories: readonly string[],
  { splits = [], maxFiles = 100 }: { readonly splits?: readonly string[]; readonly maxFiles?: number } = {},
): Promise<readonly SourceFile[]> {
  const files: SourceFile[] = [];
  await listIndex(store, { add: (file) => void files.push(file) }, { directories, splits, maxFiles });
  return files.sort((one, other) => (one.key < other.key ? -1 : 1));
}

const sha256Of = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

describe('directories to list', () => {
  it('are listed once, although others are below them', () => {
    expect(withoutNested(['whl/nightly', 'whl', 'libtorch', 'whl', 'whlx'])).toEqual([
      'whl',
      'libtorch',
      'whlx',
    ]);
    expect(withoutNested(['whl', '', 'libtorch'])).toEqual(['']);
  });
});

describe.skipIf(!haveMinio())('a source on S3 (needs minio)', () => {
  let minio: Minio;
  beforeAll(async () => {
    minio = await startMinio();
  });
  afterAll(() => minio?.stop());

  async function bucketWith(objects: Readonly<Record<string, string>>) {
    const bucket = await minio.makeBucket();
    for (const [key, text] of Object.entries(objects))
      await put(bucket, { Key: key, Body: Buffer.from(text) });
    const s3 = { settings: minio.settings, credentials: async () => minio.credentials };
    return { bucket, store: await openStore(`s3://${bucket}`, { s3 }) };
  }

  async function put(bucket: string, object: Omit<PutObjectCommand['input'], 'Bucket'>) {
    await minio.client.send(new PutObjectCommand({ Bucket: bucket, ...object }));
  }

  it('is listed in the order of keys, with splits for the next time that change nothing', async () => {
    const keys = Array.from({ length: 40 }, (_, index) => `whl/cu118/torch-2.${index}.0-py3-none-any.whl`);
    const { store } = await bucketWith(
      Object.fromEntries([...keys, 'libtorch/a.zip', 'other/b.whl'].map((key) => [key, key])),
    );
    const directories = ['whl', 'whl/cu118', 'libtorch'];
    const whole = await list(store, directories);
    expect(whole.map(({ key }) => key)).toEqual([...keys, 'libtorch/a.zip'].sort());
    expect(whole[0]?.etag).toMatch(/^"[0-9a-f]{32}"$/);
    const splits = [keys[7] ?? '', keys[20] ?? '', 'zzz'];
    expect(await list(store, directories, { splits })).toEqual(whole);
  });

  it('I8: is not listed beyond the limit', async () => {
    const { store } = await bucketWith({ 'whl/a': '', 'whl/b': '', 'whl/c': '' });
    await expect(list(store, ['whl'], { maxFiles: 2 })).rejects.toMatchObject({
      code: 'too-large',
    });
    expect(await list(store, ['whl'], { maxFiles: 3 })).toHaveLength(3);
  });

  describe('knows the hash of an object', () => {
    const body = Buffer.from('a wheel');
    const sha256 = sha256Of(body);
    let store: ObjectStore;
    let hashOf: (key: string, computeMissing?: boolean) => Promise<unknown>;

    beforeAll(async () => {
      const made = await bucketWith({ plain: 'a wheel' });
      store = made.store;
      const { bucket } = made;
      await put(bucket, { Key: 'checksum', Body: body, ChecksumAlgorithm: 'SHA256' });
      await put(bucket, {
        Key: 'metadata',
        Body: body,
        Metadata: { 'checksum-sha256': sha256.toUpperCase() },
      });
      await put(bucket, { Key: 'doubled', Body: body, Metadata: { 'x-amz-meta-checksum-sha256': sha256 } });
      await put(bucket, { Key: 'ours', Body: body, Metadata: { sha256 } });
      await put(bucket, { Key: 'odd', Body: body, Metadata: { 'checksum-sha256': 'none' } });
      const upload = { Bucket: bucket, Key: 'parts', ChecksumAlgorithm: 'SHA256' } as const;
      const { UploadId } = await minio.client.send(new CreateMultipartUploadCommand(upload));
      const part = { Bucket: bucket, Key: 'parts', UploadId, PartNumber: 1 };
      const { ETag, ChecksumSHA256 } = await minio.client.send(
        new UploadPartCommand({ ...part, Body: body, ChecksumAlgorithm: 'SHA256' }),
      );
      await minio.client.send(
        new CompleteMultipartUploadCommand({
          Bucket: bucket,
          Key: 'parts',
          UploadId,
          MultipartUpload: { Parts: [{ PartNumber: 1, ETag, ChecksumSHA256 }] },
        }),
      );
      const files = await list(store, ['']);
      hashOf = async (key, computeMissing = false) => {
        const file = files.find((listed) => listed.key === key);
        if (file === undefined) throw new Error(`${key} is not listed`);
        const options = { computeMissing, maxBytes: 100, concurrency: 2 };
        return (await learnHashes(store, [file], options))[0];
      };
    });

    it.each([
      ['checksum', 'checksum'],
      ['metadata', 'metadata'],
      ['doubled', 'metadata'],
      ['ours', 'metadata'],
    ])('from its %s', async (key, origin) => {
      expect(await hashOf(key)).toEqual({ kind: 'known', hash: { sha256, origin } });
    });

    it.each(['plain', 'odd', 'parts'])('only by reading it: %s', async (key) => {
      expect(await hashOf(key)).toEqual({ kind: 'unknown' });
      expect(await hashOf(key, true)).toEqual({ kind: 'known', hash: { sha256, origin: 'computed' } });
    });

    it('never of other bytes than those that were listed', async () => {
      await store.write(
        'plain',
        { kind: 'bytes', bytes: Buffer.from('other x') },
        {
          condition: 'any',
          contentType: 'text/plain',
          cache: 'document',
          sha256: sha256Of(Buffer.from('other x')),
        },
      );
      expect(await hashOf('plain')).toEqual({ kind: 'replaced' });
      await store.delete('odd');
      expect(await hashOf('odd', true)).toEqual({ kind: 'replaced' });
    });
  });
});
