import { printable, RemoteError, type RemoteErrorCode, sentence, systemErrorCode } from '@slipway/core';

/**
 * `unsent`: nothing left this machine. `insecure`: the server's certificate was rejected, so nothing was sent. `lost`:
 * the server may have received the request. `redirect`: it sent a redirect that is not followed. `unreadable`: its answer
 * is not HTTP, or too large.
 */
export type HttpFailureKind = 'unsent' | 'insecure' | 'lost' | 'redirect' | 'unreadable';

export interface HttpFailureDetails {
  /** Describes the request, such as `GET "key"`; starts the message. */
  readonly what: string;
  /** What happened, printable, without the request. */
  readonly reason: string;
  readonly code: RemoteErrorCode;
  readonly hint?: string | undefined;
  readonly retryable?: boolean;
  readonly cause?: unknown;
}

/** A request without a usable answer. */
export class HttpFailure extends RemoteError {
  readonly kind: HttpFailureKind;
  readonly reason: string;

  constructor(kind: HttpFailureKind, { what, reason, code, ...details }: HttpFailureDetails) {
    super(code, sentence(`${what}: ${reason}`), details);
    this.kind = kind;
    this.reason = reason;
  }
}

const laterHint = 'Run again later. If it fails again, ask the administrator of the server.';

/** The server was silent, or the request took too long. */
export function timedOut(what: string, reason: string, isSent = true): HttpFailure {
  return new HttpFailure(isSent ? 'lost' : 'unsent', {
    what,
    reason,
    code: 'timed-out',
    hint: laterHint,
    retryable: true,
  });
}

/** The server sent an unexpected answer; asking again does not help. */
export function unexpected(what: string, reason: string, hint = 'Check the URL.'): HttpFailure {
  return new HttpFailure('unreadable', { what, reason, code: 'unexpected-response', hint });
}

/** What a failed connection to `host` means. `isSent`: the request may have reached the server. */
export function connectionFailure(error: unknown, what: string, host: string, isSent: boolean): HttpFailure {
  if (error instanceof HttpFailure) return error;
  const code = systemErrorCode(error) ?? '';
  const place = printable(host, 200);
  const failed = (
    kind: HttpFailureKind,
    reason: string,
    details: Omit<Partial<HttpFailureDetails>, 'reason'>,
  ) => new HttpFailure(kind, { what, reason, code: 'unreachable', cause: error, ...details });
  if (code === 'ENOTFOUND') {
    const hint = 'Check the URL, and the name server of this machine.';
    return failed('unsent', `there is no host ${place}`, { hint });
  }
  if (/CERT|SELF_SIGNED|TLS|SSL|ISSUER|EPROTO/.test(code)) {
    const hint = 'Check the certificate of the server; for a private authority, set NODE_EXTRA_CA_CERTS.';
    return failed('insecure', `the connection to ${place} is not secure (${code})`, { hint });
  }
  if (code.startsWith('HPE_')) {
    const why =
      code === 'HPE_HEADER_OVERFLOW'
        ? `the headers of ${place} are too large`
        : `${place} does not answer in HTTP`;
    return failed('unreadable', `${why} (${code})`, { code: 'unexpected-response', hint: 'Check the URL.' });
  }
  if (code === 'ECONNREFUSED') {
    const hint = 'Check the host and the port of the URL, and whether the server runs.';
    return failed('unsent', `nothing listens at ${place} (ECONNREFUSED)`, { hint, retryable: true });
  }
  const hint = 'Check the network of this machine and the server, then run again.';
  const kind = isSent && !isBeforeSending(error) ? 'lost' : 'unsent';
  return failed(kind, `the connection to ${place} failed (${code || 'no code'})`, { hint, retryable: true });
}

/** Whether an error happened while looking up a name or connecting: a list of errors if the name has several addresses. */
function isBeforeSending(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.length > 0 && error.errors.every(isBeforeSending);
  if (!(error instanceof Error) || !('syscall' in error)) return false;
  return error.syscall === 'connect' || error.syscall === 'getaddrinfo';
}

export function bodyFailure(
  error: unknown,
  what: string,
  receivedBytes: number,
  signal?: AbortSignal,
): RemoteError {
  if (error instanceof RemoteError) return error;
  if (signal?.aborted === true) return timedOut(what, 'it took too long');
  return new HttpFailure('lost', {
    what,
    reason: `the body was cut off after ${receivedBytes} bytes`,
    code: 'unexpected-response',
    hint: laterHint,
    retryable: true,
    cause: error,
  });
}

/** Whether another server, or the same one later, may answer differently. */
export function isTransientStatus(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}

/** `Retry-After` (RFC 9110, 10.2.3: seconds or a date) in milliseconds; 0 if missing or unreadable. */
export function retryAfterMs(value: string | undefined, nowMs: number): number {
  if (value === undefined) return 0;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const dateMs = Date.parse(value);
  return Number.isNaN(dateMs) ? 0 : Math.max(0, dateMs - nowMs);
}

/** A time limit for transferring this many bytes at 50 kB/s. */
export function transferDeadlineMs(sizeBytes: number): number {
  const slowestBytesPerMs = 50;
  return 300_000 + Math.ceil(sizeBytes / slowestBytesPerMs);
}
