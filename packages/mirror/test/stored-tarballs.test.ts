import { hash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { ObjectStore } from '@slipway/core';
import { type BlobRecord, blobKey } from '@slipway/spack-buildcache';
import { openStore } from '@slipway/store';
import { honestMembers, rawTar, victimPrefix } from '@slipway/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkTarball } from '../src/tarball.ts';
import { TarballJudge } from '../src/tarball-reading.ts';

const dagHash = 'dhoyfew7acbbjzzbqka3wknqpckquxwo';
const specJson = JSON.stringify({
  spec: { _meta: { version: 5 }, nodes: [{ name: 'greet', hash: dagHash }] },
});
const mebibyte = 2 ** 20;

let directory: string;
let store: ObjectStore;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'slipway-tarballs-'));
  store = await openStore(pathToFileURL(directory).href);
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** An honest tarball, with a file of random bytes that do not compress. */
function tarballWith(randomBytesCount: number): Buffer {
  const body = randomBytes(randomBytesCount).toString('latin1');
  const members = honestMembers(specJson);
  const added = { name: `${victimPrefix}/share/random`, body };
  return gzipSync(rawTar([...members.slice(0, -1), added, ...members.slice(-1)]));
}

/** What a manifest says of a tarball. */
function recordOf(tarball: Buffer): BlobRecord {
  return {
    contentLength: tarball.length,
    mediaType: 'application/vnd.spack.install.v2.tar+gzip',
    compression: 'gzip',
    checksumAlgorithm: 'sha256',
    checksum: hash('sha256', tarball),
  };
}

/** Stores other bytes under the name of the tarball, and checks them. */
async function checkInPlaceOf(promised: Buffer, bytes: Buffer): Promise<readonly string[]> {
  const record = recordOf(promised);
  const path = join(directory, blobKey(record.checksum));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  return (await checkTarball(store, record, dagHash)).map(({ code }) => code);
}

describe.each([
  ['that is read at once', 1_000],
  ['that is streamed', mebibyte],
])('I4, I8: a stored tarball %s', (_, sizeBytes) => {
  it('passes if it is the one in its manifest', async () => {
    const tarball = tarballWith(sizeBytes);
    expect(await checkInPlaceOf(tarball, tarball)).toEqual([]);
  });

  it('is refused if one of its bytes was changed', async () => {
    const tarball = tarballWith(sizeBytes);
    const changed = Buffer.from(tarball);
    // The date in the gzip header: the contents are the same.
    changed.writeUInt8((changed.readUInt8(4) + 1) % 256, 4);
    expect(await checkInPlaceOf(tarball, changed)).toEqual(['blob-tampered']);
  });

  it('is refused if bytes are missing', async () => {
    const tarball = tarballWith(sizeBytes);
    expect(await checkInPlaceOf(tarball, tarball.subarray(0, -1))).toEqual(['blob-truncated']);
  });
});

describe('I8: what is read of a tarball is bounded', () => {
  it('by the size in its manifest, where it is read at once', async () => {
    const tarball = tarballWith(1_000);
    const larger = Buffer.concat([tarball, Buffer.alloc(1)]);
    await expect(checkInPlaceOf(tarball, larger)).rejects.toMatchObject({ code: 'too-large' });
  });

  it('by all that it unpacks to, where it is streamed', async () => {
    const tar = rawTar(honestMembers(specJson));
    const verdictOn = async (unpackedBytes: number): Promise<unknown> => {
      const judge = new TarballJudge(mebibyte);
      await judge.push(gzipSync(Buffer.concat([tar, Buffer.alloc(unpackedBytes - tar.length)])));
      return judge.end();
    };
    expect(await verdictOn(mebibyte)).toMatchObject({ kind: 'sound' });
    expect(await verdictOn(mebibyte + 512)).toMatchObject({
      kind: 'refused',
      fault: { code: 'tarball-too-large' },
    });
  });
});
