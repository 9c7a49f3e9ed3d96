import { printable, RemoteError, withDetails } from '@slipway/core';
import { HttpFailure, isTransientStatus } from '@slipway/http';

/** What STS, or the connection to it, reported. The server's words are printable and contain nothing that was sent to it. */
export type StsFailure =
  | { readonly kind: 'refused'; readonly code: string; readonly message: string }
  | { readonly kind: 'failed'; readonly error: RemoteError };

const transientCodes = new Set([
  'IDPCommunicationError',
  'IDPCommunicationErrorException',
  'InternalError',
  'InternalFailure',
  'RequestLimitExceeded',
  'RequestTimeout',
  'RequestTimeoutException',
  'ServiceUnavailable',
  'SlowDown',
  'Throttling',
  'ThrottlingException',
  'TooManyRequestsException',
]);
const maxCodeCharacters = 80;

/** Classifies an error of the SDK's STS client. Removes `secrets` from the server's words. */
export function stsFailure(error: unknown, place: string, secrets: readonly string[]): StsFailure {
  const clean = (text: string): string => {
    let cleaned = text;
    for (const secret of secrets) if (secret !== '') cleaned = cleaned.replaceAll(secret, '***');
    return printable(cleaned);
  };
  const name = error instanceof Error ? error.name : '';
  const message = error instanceof Error ? error.message : '';
  const status = statusOf(error) ?? 0;
  if (error instanceof HttpFailure) return { kind: 'failed', error };
  const code = printable(clean(name), maxCodeCharacters);
  if (isTransientStatus(status) || transientCodes.has(name)) {
    return {
      kind: 'failed',
      error: new RemoteError(
        'store-failed',
        withDetails(`STS at ${place} failed`, String(status), code, clean(message)),
        {
          hint: 'Run again later.',
          retryable: true,
        },
      ),
    };
  }
  if (status >= 400)
    return { kind: 'refused', code: code.replace(/Exception$/, ''), message: clean(message) };
  return {
    kind: 'failed',
    error: new RemoteError('unexpected-response', `${place} does not answer as STS does (${status}).`, {
      hint: 'Check sts-endpoint-url.',
    }),
  };
}

/** The HTTP status behind an SDK error. */
function statusOf(error: unknown): number | undefined {
  for (const [holder, property] of [
    ['$metadata', 'httpStatusCode'],
    ['$response', 'statusCode'],
  ] as const) {
    const held: unknown = error instanceof Error ? Reflect.get(error, holder) : undefined;
    const status: unknown =
      typeof held === 'object' && held !== null ? Reflect.get(held, property) : undefined;
    if (typeof status === 'number' && status >= 100) return status;
  }
  return undefined;
}
