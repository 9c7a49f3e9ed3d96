import type { WriteOptions, WriteSource } from '@slipway/core';
import { unexpected } from '@slipway/http';
import { requestName } from '../key-errors.ts';
import { readChecked, sizeOf } from '../source-file.ts';
import type { ByteBudget } from './budget.ts';
import { authorshipOf, etagOfOwn, writeSettled } from './conditions.ts';
import type { S3Context } from './context.ts';
import { base64OfHex, conditionHeaders, objectHeaders } from './headers.ts';
import { newWriteToken } from './history.ts';
import { mayBeEtagOf } from './read.ts';
import { finish } from './wire.ts';

/** Stores objects of at most a part's size, each in one request. */
export class S3Writer {
  readonly #context: S3Context;
  readonly #budget: ByteBudget;

  constructor(context: S3Context, budget: ByteBudget) {
    this.#context = context;
    this.#budget = budget;
  }

  async write(
    key: string,
    s3Key: string,
    source: WriteSource,
    options: WriteOptions,
  ): Promise<{ readonly etag: string }> {
    const sizeBytes = sizeOf(source);
    await this.#budget.take(sizeBytes);
    try {
      return await this.#put(key, s3Key, await readChecked(key, source, options.sha256), options);
    } finally {
      this.#budget.giveBack(sizeBytes);
    }
  }

  async #put(
    key: string,
    s3Key: string,
    body: Uint8Array,
    options: WriteOptions,
  ): Promise<{ readonly etag: string }> {
    const { settings, wire, history } = this.#context;
    const { condition, sha256, cache } = options;
    const token = condition === 'any' ? undefined : newWriteToken();
    const writes = history.headerFor(token, condition);
    const request = {
      method: 'PUT',
      path: wire.pathOf(s3Key),
      headers: {
        ...objectHeaders(key, options, settings, writes),
        ...conditionHeaders(condition),
        // Makes the server refuse other bytes; one hash serves the checksum, the signature and the metadata.
        'x-amz-checksum-sha256': base64OfHex(sha256),
      },
      body,
      payloadHash: sha256,
      what: requestName('PUT', key),
      action: 's3:PutObject',
    } as const;
    const there = () => authorshipOf(this.#context, key, s3Key);
    const ownEtag = async () => etagOfOwn(await there(), token);
    return writeSettled(
      this.#context,
      { key, condition, sizeBytes: body.length, ownEtag },
      async ({ signal }) => {
        const response = await wire.send({ ...request, signal });
        await finish(response, { ...request, signal });
        const { etag } = response.headers;
        if (etag === undefined) throw unexpected(request.what, 'the server returned no ETag');
        // A wrong ETag would make the next compare-and-swap of a pointer fail.
        const isCertain = cache !== 'pointer' || mayBeEtagOf(etag, body, response);
        const stored = isCertain ? etag : ((await there())?.etag ?? etag);
        history.remember(stored, writes);
        return { etag: stored };
      },
    );
  }
}
