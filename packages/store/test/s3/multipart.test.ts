// Slow: about 20 s.
import fs from 'node:fs';
import path from 'node:path';
import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { type Clock, systemClock, type WriteSource } from '@slipway/core';
import { startS3FaultProxy } from '@slipway/testkit';
import { describe, expect, onTestFinished, test } from 'vitest';
import { crc32Base64, partLength, planParts } from '../../src/s3/parts.ts';
import { bytesSource, keysOf, options, put, sha256Of, temporaryDirectory, textOf } from '../objects.ts';
import { ended, firstOutput, killed, startChildWith } from '../processes.ts';
import { environmentFor, openMinioStore, useMinio, withoutMinio } from './minio.ts';

const mebibyte = 2 ** 20;
const partSizeBytes = 5 * mebibyte;

/** A file whose parts all differ. */
function largeFile(sizeBytes: number): {
  readonly source: WriteSource;
  readonly content: Buffer;
  path: string;
} {
  const content = Buffer.alloc(sizeBytes);
  for (let offset = 0; offset < sizeBytes; offset += 1000) content.write(`at ${offset} `, offset);
  const file = path.join(temporaryDirectory(), 'large');
  fs.writeFileSync(file, content);
  return { source: { kind: 'file', path: file, sizeBytes }, content, path: file };
}

describe('a file in parts', () => {
  test("has at most 10,000 of them, up to S3's limit", () => {
    const wanted = 16 * mebibyte;
    expect(planParts('a', wanted + 1, wanted)).toMatchObject({ count: 2, partSizeBytes: wanted });
    expect(planParts('a', 10_000 * wanted, wanted)).toMatchObject({ count: 10_000, partSizeBytes: wanted });
    expect(planParts('a', 10_000 * wanted + 1, wanted)).toMatchObject({ partSizeBytes: 17 * mebibyte });
    const largest = 5 * 2 ** 30 * 10_000;
    expect(planParts('a', largest, wanted)).toMatchObject({ count: 10_000, partSizeBytes: 5 * 2 ** 30 });
    expect(() => planParts('a', largest + 1, wanted)).toThrowError(
      expect.objectContaining({ code: 'too-large' }),
    );
  });

  test('of more than 5 GiB, which is too much for one request, is split exactly', () => {
    const sizeBytes = 5 * 2 ** 30 + mebibyte;
    const plan = planParts('a', sizeBytes, 32 * mebibyte);
    const lengths = Array.from({ length: plan.count }, (_, index) => partLength(plan, index + 1));
    expect(lengths).toEqual([...Array.from({ length: 160 }, () => 32 * mebibyte), mebibyte]);
  });
});

describe.skipIf(withoutMinio)('S3Store and large files (needs minio)', () => {
  const minio = useMinio();

  async function setUp(settings: { concurrency?: number } = {}) {
    const bucket = await minio().makeBucket();
    const proxy = await startS3FaultProxy(minio().endpointUrl);
    onTestFinished(() => proxy.close());
    const through = { ...settings, partSizeBytes, endpointUrl: proxy.endpointUrl };
    const open = () => openMinioStore(minio(), `s3://${bucket}`, through);
    const { client } = minio();
    return {
      bucket,
      proxy,
      client,
      through,
      store: await open(),
      sentParts: () =>
        proxy.requests.filter(({ url, method }) => method === 'PUT' && url.includes('partNumber=')),
      /** For one key: MinIO lists no more at a time. */
      async uploads(key = 'large') {
        const listed = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: key }));
        return (listed.Uploads ?? []).map(({ UploadId: id = '' }) => id);
      },
      /** Starts an upload of a key, as a process does that is then killed. */
      async begin(key: string, parts: readonly Uint8Array[]) {
        const { UploadId } = await client.send(
          new CreateMultipartUploadCommand({
            Bucket: bucket,
            Key: key,
            ChecksumAlgorithm: 'CRC32',
            Metadata: { sha256: 'begun' },
          }),
        );
        for (const [index, Body] of parts.entries()) {
          await client.send(
            new UploadPartCommand({
              Bucket: bucket,
              Key: key,
              UploadId,
              PartNumber: index + 1,
              Body,
              ChecksumCRC32: crc32Base64(Body),
            }),
          );
        }
        return UploadId ?? '';
      },
    };
  }

  test('stores them in parts, with their SHA-256 and headers', async () => {
    const { store, client, bucket, uploads, sentParts } = await setUp();
    const { source, content } = largeFile(2 * partSizeBytes + 12_345);
    const sent: number[] = [];
    const { etag } = await store.write('large', source, {
      ...options(content, 'absent'),
      headers: { metadata: { origin: 'here' } },
      onBytes: (count) => sent.push(count),
    });
    expect(etag).toMatch(/-3"$/);
    expect(sentParts()).toHaveLength(3);
    expect(sent.reduce((sum, count) => sum + count)).toBe(content.length);
    const object = await store.read('large', { maxBytes: content.length });
    expect(content.equals(object?.body ?? Buffer.from(''))).toBe(true);
    expect(object?.info).toMatchObject({ sha256: sha256Of(content), etag });
    const head = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: 'large' }));
    expect(head.CacheControl).toBe('public, max-age=31536000, immutable');
    expect(head.Metadata).toMatchObject({ origin: 'here' });
    expect(await uploads()).toEqual([]);
  });

  test('I2: leaves nothing of a file that is not the announced one', async () => {
    const { store, uploads } = await setUp();
    await put(store, 'large', 'old');
    const { source, content, path: file } = largeFile(2 * partSizeBytes);
    const changed = Buffer.from(content);
    changed[0] = 0;
    const wrong = { code: 'content-invalid' };
    await expect(store.write('large', source, options(changed))).rejects.toMatchObject(wrong);
    // It grows, and shrinks, after its size was measured.
    fs.appendFileSync(file, 'more');
    await expect(store.write('large', source, options(content))).rejects.toMatchObject(wrong);
    fs.truncateSync(file, 100);
    await expect(store.write('large', source, options(content))).rejects.toMatchObject(wrong);
    expect(await uploads()).toEqual([]);
    expect(await textOf(store, 'large')).toBe('old');
  });

  test('I2, I3: honours conditions, and leaves no parts of the loser', async () => {
    const { store, uploads, sentParts } = await setUp();
    const { source, content } = largeFile(partSizeBytes + 1);
    const failed = { code: 'condition-failed' };
    const other = Buffer.concat([content, Buffer.from('!')]);
    const results = await Promise.allSettled([
      store.write('large', source, options(content, 'absent')),
      store.write('large', bytesSource(other), options(other, 'absent')),
    ]);
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(results.find(({ status }) => status === 'rejected')).toMatchObject({ reason: failed });
    const winner = results[0].status === 'fulfilled' ? content : other;
    const { info } = (await store.read('large', { maxBytes: 2 * partSizeBytes })) ?? {};
    expect(info?.sha256).toBe(sha256Of(winner));
    const before = sentParts().length;
    await expect(store.write('large', source, options(content, 'absent'))).rejects.toMatchObject(failed);
    await expect(store.write('large', source, options(content, { etag: '"other"' }))).rejects.toMatchObject(
      failed,
    );
    expect(sentParts()).toHaveLength(before);
    await store.write('large', source, options(content, { etag: info?.etag ?? '' }));
    await store.delete('large');
    await expect(
      store.write('large', source, options(content, { etag: info?.etag ?? '' })),
    ).rejects.toMatchObject(failed);
    expect(await uploads()).toEqual([]);
    expect(await keysOf(store.list(''))).toEqual([]);
  });

  test('I5: resumes a killed upload, and sends only what is missing', async () => {
    const { store, begin, uploads, sentParts } = await setUp();
    const { source, content } = largeFile(4 * partSizeBytes);
    const [first = content, second = content] = [0, 1].map((index) =>
      content.subarray(index * partSizeBytes, (index + 1) * partSizeBytes),
    );
    await begin('large', [first, second]);
    const longer = await begin('large and more', [second]);
    await store.write('large', source, options(content));
    expect(sentParts()).toHaveLength(2);
    const object = await store.read('large', { maxBytes: content.length });
    expect(content.equals(object?.body ?? Buffer.from(''))).toBe(true);
    expect(await uploads()).toEqual([]);
    expect(await uploads('large and more')).toEqual([longer]);
  });

  test('leaves the uploads of others alone, and removes them after a day', async () => {
    const { store, begin, uploads, client, bucket, through } = await setUp();
    const { source, content } = largeFile(2 * partSizeBytes);
    const others = [
      await begin('large', [Buffer.alloc(partSizeBytes, 'another file')]),
      await begin('large', [Buffer.alloc(partSizeBytes + 1, 'another part size'), Buffer.alloc(10)]),
      await begin('large', []),
    ];
    await store.write('large', source, options(content));
    expect((await uploads()).sort()).toEqual([...others].sort());
    // A day and a bit later; the server's clock differs, and signatures follow that one.
    const tomorrow: Clock = { ...systemClock, nowMs: () => Date.now() + 25 * 3_600_000 };
    const later = await openMinioStore(minio(), `s3://${bucket}`, through, tomorrow);
    const fresh = Buffer.concat([content, Buffer.from('new')]);
    await later.write('large', bytesSource(fresh), options(fresh));
    const kept = others[0] ?? '';
    expect((await uploads()).filter((id) => id !== kept)).toEqual([]);
    await client.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key: 'large', UploadId: kept }));
  });

  test('needs only permission to write', async () => {
    const { bucket, through } = await setUp();
    const limited = await minio().limitedCredentials(['s3:PutObject']);
    const store = await openMinioStore({ ...minio(), credentials: limited }, `s3://${bucket}`, through);
    const { source, content } = largeFile(partSizeBytes + 1);
    await store.write('large', source, options(content, 'absent'));
    await expect(store.write('large', source, options(content, 'absent'))).rejects.toMatchObject({
      code: 'condition-failed',
    });
    await expect(store.head('large')).rejects.toMatchObject({ code: 'access-denied' });
  });

  test('I5: killed after any number of parts, it is finished by running again, and never starts over', async () => {
    const { bucket, proxy, client, store, uploads, sentParts } = await setUp();
    const count = 10;
    const { content, path: file } = largeFile(count * partSizeBytes - 77);
    const sha256 = sha256Of(content);
    const environment = environmentFor(minio(), proxy.endpointUrl);
    const start = () => startChildWith(environment, 's3-upload.ts', `s3://${bucket}`, file, sha256);
    /** How many parts the server has of uncompleted uploads. */
    const partsLeft = async () => {
      const listings = (await uploads()).map((UploadId) =>
        client.send(new ListPartsCommand({ Bucket: bucket, Key: 'large', UploadId })),
      );
      return (await Promise.all(listings)).map(({ Parts }) => Parts?.length ?? 0);
    };
    let resumed = 0;
    for (let round = 0; round < 11; round += 1) {
      const before = sentParts().length;
      const left = Math.max(0, ...(await partsLeft()));
      // The kill depends on what is stored, not on time: until then, no further part is answered.
      const enough = before + (round % count);
      const dead = Promise.withResolvers<void>();
      proxy.onAnswered = ({ url }) =>
        url.includes('partNumber=') && sentParts().length >= enough ? dead.promise : undefined;
      const child = start();
      expect(await firstOutput(child)).toBe('begins\n');
      while (sentParts().length < enough && child.exitCode === null) await systemClock.sleep(2);
      await killed(child);
      dead.resolve();
      proxy.onAnswered = () => {};
      // A resuming run sends at most the rest, plus parts that were in transit when it was killed.
      expect(sentParts().length - before).toBeLessThanOrEqual(count - left + 2);
      if (left > 0) resumed += 1;
      if ((await store.head('large')) !== undefined) await store.delete('large');
    }
    expect(resumed).toBeGreaterThan(3);
    const { output, code } = await ended(start());
    expect([output, code]).toEqual([expect.stringContaining('done'), 0]);
    expect((await partsLeft()).filter((parts) => parts > 0)).toEqual([]);
    const object = await store.read('large', { maxBytes: content.length });
    expect(content.equals(object?.body ?? Buffer.from(''))).toBe(true);
  }, 300_000);
});
