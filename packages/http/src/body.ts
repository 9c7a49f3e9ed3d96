import type { IncomingMessage } from 'node:http';
import { bodyFailure, unexpected } from './failure.ts';

const maxDiscardedBytes = 64 * 1024;

/** `Content-Length`, when it is one. */
export function lengthOf(response: IncomingMessage): number | undefined {
  const text = response.headers['content-length'];
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

export interface BodyOptions {
  readonly maxBytes: number;
  /** The request in words, for errors. */
  readonly what: string;
  readonly signal?: AbortSignal | undefined;
  /** The error for a body of more bytes; an `HttpFailure` when not given. */
  readonly tooLarge?: () => Error;
}

/**
 * A whole body. Throws for one of more than `maxBytes`, before it is read where its length is announced, and a retryable
 * `HttpFailure` for one that breaks off.
 */
export async function readBody(
  response: IncomingMessage,
  { maxBytes, what, signal, tooLarge }: BodyOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const refusal = () => tooLarge?.() ?? unexpected(what, `the answer has more than ${maxBytes} bytes`);
  const announcedBytes = lengthOf(response);
  if (announcedBytes !== undefined && announcedBytes > maxBytes) {
    response.destroy();
    throw refusal();
  }
  const chunks: Uint8Array[] = [];
  let receivedBytes = 0;
  let failure: unknown;
  try {
    for await (const chunk of response as AsyncIterable<Uint8Array>) {
      receivedBytes += chunk.length;
      // Leaving the loop closes the connection.
      if (receivedBytes > maxBytes) break;
      chunks.push(chunk);
    }
  } catch (error) {
    failure = error;
  }
  if (receivedBytes > maxBytes) throw refusal();
  if (failure !== undefined || (announcedBytes !== undefined && receivedBytes !== announcedBytes))
    throw bodyFailure(failure, what, receivedBytes, signal);
  const body = new Uint8Array(receivedBytes);
  let offset = 0;
  for (const chunk of chunks) {
    body.set(chunk, offset);
    offset += chunk.length;
  }
  return body;
}

/** Lets go of a body nobody wants: a short one is read so that its connection can be used again. */
export function discard(response: IncomingMessage): void {
  let discardedBytes = 0;
  response.on('data', (chunk: Buffer) => {
    discardedBytes += chunk.length;
    if (discardedBytes > maxDiscardedBytes) response.destroy();
  });
}

/** The headers of a response, each as one text. */
export function flatHeaders({ headers }: IncomingMessage): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return flat;
}
