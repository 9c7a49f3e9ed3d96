import type { IncomingMessage } from 'node:http';
import { backoffMs, type Clock, type RemoteError, UserError } from '@slipway/core';
import { tooLarge } from '../file/errors.ts';
import { bodyError } from './errors.ts';

const maxStalls = 4;
const stallBaseMs = 250;
const stallCapMs = 10_000;
/** A body that breaks again and again is gone on with as long as this much arrives in between. */
const progressBytes = 2 ** 20;

/** `Content-Length`, when it is one. */
export function lengthOf(response: IncomingMessage): number | undefined {
  const text = response.headers['content-length'];
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/**
 * A whole body. Throws `UserError` `too-large`, before reading it where its length was announced, and a passing failure when it
 * is cut.
 */
export async function readWhole(
  response: IncomingMessage,
  key: string,
  maxBytes: number,
  { what, signal }: { readonly what: string; readonly signal?: AbortSignal | undefined },
): Promise<Uint8Array<ArrayBuffer>> {
  const announcedBytes = lengthOf(response);
  if (announcedBytes !== undefined && announcedBytes > maxBytes) {
    response.destroy();
    throw tooLarge(key, maxBytes);
  }
  const chunks: Uint8Array[] = [];
  let receivedBytes = 0;
  try {
    for await (const chunk of response as AsyncIterable<Uint8Array>) {
      receivedBytes += chunk.length;
      if (receivedBytes > maxBytes) throw tooLarge(key, maxBytes);
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw bodyError(error, what, receivedBytes, signal);
  }
  if (announcedBytes !== undefined && receivedBytes !== announcedBytes)
    throw bodyError(undefined, what, receivedBytes);
  const body = new Uint8Array(receivedBytes);
  let offset = 0;
  for (const chunk of chunks) {
    body.set(chunk, offset);
    offset += chunk.length;
  }
  return body;
}

/** How a body that breaks is gone on with. */
export interface Continuation {
  readonly sizeBytes: number;
  readonly what: string;
  readonly clock: Clock;
  /** The rest from a byte on, of the same object; undefined where there is no telling whether it is the same. */
  readonly resume: ((fromByte: number, failure: RemoteError) => Promise<IncomingMessage>) | undefined;
}

/**
 * The bytes of a body, gone on with where it broke. The connection stays open until the stream has ended or was left by
 * `break`, `return` or `throw`.
 */
export async function* continuedBody(
  first: IncomingMessage,
  { sizeBytes, what, clock, resume }: Continuation,
): AsyncGenerator<Uint8Array> {
  let response = first;
  let receivedBytes = 0;
  let stalls = 0;
  for (;;) {
    const startedAt = receivedBytes;
    let failure: RemoteError;
    try {
      for await (const chunk of response as AsyncIterable<Uint8Array>) {
        receivedBytes += chunk.length;
        yield chunk;
      }
      if (receivedBytes === sizeBytes) return;
      failure = bodyError(undefined, what, receivedBytes);
    } catch (error) {
      failure = bodyError(error, what, receivedBytes);
    }
    if (receivedBytes - startedAt >= progressBytes) stalls = 0;
    if (stalls === maxStalls || receivedBytes > sizeBytes || resume === undefined) throw failure;
    await clock.sleep(backoffMs(clock, stalls, stallBaseMs, stallCapMs));
    stalls += 1;
    response = await resume(receivedBytes, failure);
  }
}
