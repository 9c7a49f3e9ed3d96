import { printable, RemoteError, sentence, systemErrorCode } from '@slipway/core';
import { named } from '../file/errors.ts';

/** A failure that a later request may not have; `retryAfterMs` is what the server asked for. */
export class PassingFailure extends RemoteError {
  constructor(
    code: 'unreachable' | 'timed-out' | 'unexpected-response' | 'store-failed',
    message: string,
    details: { readonly hint: string; readonly retryAfterMs?: number; readonly cause?: unknown },
  ) {
    super(code, message, { ...details, retryable: true });
  }
}

/** Codes of connections that were never made: nothing of the request was sent. */
const neverMade: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
]);

/** Whether a request failed because nobody took the connection. */
export function isConnectionRefused(error: unknown): error is PassingFailure {
  return error instanceof PassingFailure && neverMade.has(systemErrorCode(error.cause) ?? '');
}

const serverHint = 'Run again later; if it stays so, ask whoever runs the server.';

/** What a failed connection means. `what` is the request in words, such as `GET "key"`. */
export function connectionError(error: unknown, what: string, host: string): RemoteError {
  const code = systemErrorCode(error) ?? '';
  const place = printable(host);
  if (code === 'ENOTFOUND') {
    return new RemoteError('unreachable', `${what}: there is no host ${place}.`, {
      hint: 'Check the URL, and the name server of this machine.',
      cause: error,
    });
  }
  if (/CERT|SELF_SIGNED|TLS|SSL|ISSUER|EPROTO/.test(code)) {
    return new RemoteError('unreachable', `${what}: the connection to ${place} is not secure (${code}).`, {
      hint: 'Check the certificate of the server; for an authority of your own set NODE_EXTRA_CA_CERTS.',
      cause: error,
    });
  }
  if (code.startsWith('HPE_')) {
    return new RemoteError('unexpected-response', `${what}: ${place} does not answer in HTTP (${code}).`, {
      hint: 'Check the URL.',
      cause: error,
    });
  }
  if (code === 'ECONNREFUSED') {
    return new PassingFailure('unreachable', `${what}: nothing listens at ${place} (ECONNREFUSED).`, {
      hint: 'Check the host and the port of the URL, and whether the server runs.',
      cause: error,
    });
  }
  return new PassingFailure(
    'unreachable',
    `${what}: the connection to ${place} failed (${code || 'no code'}).`,
    {
      hint: 'Check the network of this machine and the server, then run again.',
      cause: error,
    },
  );
}

export function timedOut(what: string, why: string): PassingFailure {
  return new PassingFailure('timed-out', sentence(`${what}: ${printable(why)}`), { hint: serverHint });
}

/** What it means that a body ended before its announced length. */
export function bodyError(
  error: unknown,
  what: string,
  receivedBytes: number,
  signal?: AbortSignal,
): RemoteError {
  if (error instanceof RemoteError) return error;
  if (signal?.aborted === true) return timedOut(what, 'the time for it is over');
  return new PassingFailure(
    'unexpected-response',
    `${what}: the body was cut after ${receivedBytes} bytes.`,
    {
      hint: serverHint,
      cause: error,
    },
  );
}

export function unexpected(what: string, why: string, hint = 'Check the URL.'): RemoteError {
  return new RemoteError('unexpected-response', sentence(`${what}: ${why}`), { hint });
}

/** What a status means that is neither a success, nor a redirect, nor "missing". */
export function statusError(
  status: number,
  what: string,
  retryAfter: string | undefined,
  nowMs: number,
): RemoteError {
  if (status === 401 || status === 403) {
    return new RemoteError('access-denied', `${what}: the server refused it (${status}).`, {
      hint:
        'S3, and a CDN in front of it, also answer 403 for an object that is missing, unless the reader may list the ' +
        'bucket: grant s3:ListBucket, or make the CDN answer 404.',
    });
  }
  if (status === 408 || status === 429 || status >= 500) {
    return new PassingFailure('store-failed', `${what}: the server failed (${status}).`, {
      hint: serverHint,
      retryAfterMs: retryAfterMs(retryAfter, nowMs),
    });
  }
  return unexpected(what, `the server answered ${status}`);
}

/** `Retry-After` (RFC 9110, 10.2.3: seconds or a date) in milliseconds; 0 when there is none that can be read. */
export function retryAfterMs(value: string | undefined, nowMs: number): number {
  if (value === undefined) return 0;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const dateMs = Date.parse(value);
  return Number.isNaN(dateMs) ? 0 : Math.max(0, dateMs - nowMs);
}

/** `GET "key"`, for messages. */
export function requestName(method: string, key: string): string {
  return `${method} ${named(key)}`;
}
