import type { IncomingMessage } from 'node:http';
import { bodyFailure, unexpected } from './failure.ts';

const maxDiscardedBytes = 64 * 1024;

export function lengthOf(response: IncomingMessage): number | undefined {
  const text = response.headers['content-length'];
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

export interface BodyOptions {
  readonly maxBytes: number;
  /** Describes the request, for errors. */
  readonly what: string;
  readonly signal?: AbortSignal | undefined;
  /** The error for a body that is too large; an `HttpFailure` by default. */
  readonly tooLarge?: () => Error;
}

/**
 * Reads a whole body. Throws if it has more than `maxBytes` (before reading, if the length is announced), and a retryable
 * `HttpFailure` if it breaks off.
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

/** Discards a body. Reads a short one to the end so that its connection can be reused. */
export function discard(response: IncomingMessage): void {
  let discardedBytes = 0;
  response.on('data', (chunk: Buffer) => {
    discardedBytes += chunk.length;
    if (discardedBytes > maxDiscardedBytes) response.destroy();
  });
}

/** The headers of a response, each as a single text. */
export function flatHeaders({ headers }: IncomingMessage): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return flat;
}
