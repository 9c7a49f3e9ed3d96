import { encodeStrictly, InternalError } from '@slipway/core';
import type {
  HttpHandlerOptions,
  HttpRequest as SdkRequest,
  HttpResponse as SdkResponse,
} from '@smithy/types';
import { flatHeaders, readBody } from './body.ts';
import type { HttpClient } from './client.ts';

export interface SdkHandlerOptions {
  /** Describes the requests, for errors. */
  readonly what: string;
  /** The time limit of a request, including its answer. */
  readonly timeoutMs: number;
}

const maxAnswerBytes = 8 * 2 ** 20;

/** A `requestHandler` that makes an AWS SDK client use our HTTP client. Throws `HttpFailure`. */
export function sdkRequestHandler(client: HttpClient, { what, timeoutMs }: SdkHandlerOptions) {
  return {
    metadata: { handlerProtocol: 'http/1.1' },
    async handle(
      request: SdkRequest,
      { abortSignal }: HttpHandlerOptions = {},
    ): Promise<{ response: SdkResponse }> {
      const timeout = AbortSignal.timeout(timeoutMs);
      const signal = abortSignal instanceof AbortSignal ? AbortSignal.any([timeout, abortSignal]) : timeout;
      const query = Object.entries(sdkQuery(request)).map(
        ([name, value]) => `${encodeStrictly(name)}=${encodeStrictly(value)}`,
      );
      const response = await client.send({
        secure: request.protocol === 'https:',
        hostname: request.hostname.replace(/^\[|\]$/g, ''),
        port: request.port,
        path: request.path + (query.length === 0 ? '' : `?${query.join('&')}`),
        method: request.method,
        headers: withoutUserAgent(request.headers),
        body: sdkBody(request),
        what,
        signal,
      });
      const body = await readBody(response, { maxBytes: maxAnswerBytes, what, signal });
      return {
        response: { statusCode: response.statusCode ?? 0, headers: flatHeaders(response), body },
      };
    },
    destroy: () => client.close(),
  };
}

/** The body the SDK wrote; undefined if there is none. */
export function sdkBody({ body }: Pick<SdkRequest, 'body'>): Uint8Array | undefined {
  if (body === undefined || body === null || body === '') return undefined;
  if (typeof body === 'string') return Buffer.from(body);
  if (body instanceof Uint8Array) return body;
  throw new InternalError('The AWS SDK wrote a body of an unexpected kind.');
}

/** The query the SDK wrote. */
export function sdkQuery({ query }: Pick<SdkRequest, 'query'>): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(query ?? {})) {
    if (Array.isArray(value)) throw new InternalError(`The AWS SDK gave "${name}" twice.`);
    flat[name] = value ?? '';
  }
  return flat;
}

/** The SDK's user agent names this machine's system and Node version; ours replaces it. */
function withoutUserAgent(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers)
      .map(([name, value]) => [name.toLowerCase(), value] as const)
      .filter(([name]) => name !== 'user-agent'),
  );
}
