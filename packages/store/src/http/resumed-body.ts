import type { IncomingMessage } from 'node:http';
import { backoffMs, type Clock, type RemoteError } from '@slipway/core';
import { bodyFailure, timedOut, transferDeadlineMs } from '@slipway/http';

const maxStalls = 4;
const stallBaseMs = 250;
const stallCapMs = 10_000;
/** A body that keeps breaking off is resumed as long as this much arrives in between. */
const progressBytes = 2 ** 20;

/** How to resume a body that breaks off. */
export interface Continuation {
  readonly sizeBytes: number;
  readonly what: string;
  readonly clock: Clock;
  /** The rest of the same object from a byte on; undefined if it may be another object. */
  readonly resume: ((fromByte: number, failure: RemoteError) => Promise<IncomingMessage>) | undefined;
}

/**
 * Reads a body, resumes it where it breaks off, and stops after a time limit that grows with its size. The connection
 * stays open until the stream ends or is left by `break`, `return` or `throw`.
 */
export async function* continuedBody(
  first: IncomingMessage,
  { sizeBytes, what, clock, resume }: Continuation,
): AsyncGenerator<Uint8Array> {
  let response = first;
  let receivedBytes = 0;
  let stalls = 0;
  const endMs = clock.nowMs() + transferDeadlineMs(sizeBytes);
  // Not `retrying`: what it calls cannot yield, and progress gives a new start.
  for (;;) {
    const startedAt = receivedBytes;
    let failure: RemoteError;
    try {
      for await (const chunk of response as AsyncIterable<Uint8Array>) {
        receivedBytes += chunk.length;
        if (clock.nowMs() > endMs) throw timedOut(what, 'the server sent the body too slowly');
        yield chunk;
      }
      if (receivedBytes === sizeBytes) return;
      failure = bodyFailure(undefined, what, receivedBytes);
    } catch (error) {
      failure = bodyFailure(error, what, receivedBytes);
    }
    if (receivedBytes - startedAt >= progressBytes) stalls = 0;
    const isOver = stalls === maxStalls || receivedBytes > sizeBytes || clock.nowMs() > endMs;
    if (isOver || resume === undefined) throw failure;
    await clock.sleep(backoffMs(clock, stalls, stallBaseMs, stallCapMs));
    stalls += 1;
    response = await resume(receivedBytes, failure);
  }
}
