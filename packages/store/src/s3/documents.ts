import { hash } from 'node:crypto';
import type { S3Client as Client, S3ClientConfig } from '@aws-sdk/client-s3';
import { InternalError, RemoteError, SlipwayError } from '@slipway/core';
import { sdkBody, sdkQuery } from '@slipway/http';
import type { HttpHandlerOptions, HttpRequest, HttpResponse } from '@smithy/types';
import type { S3Action } from './permissions.ts';
import type { S3Settings } from './settings.ts';
import type { S3Wire } from './wire.ts';

/** Loaded when the first store is opened. */
export type S3Sdk = typeof import('@aws-sdk/client-s3');

/** The URL of a bucket on AWS or on the configured server, by the SDK's rules. */
export function bucketUrl(sdk: S3Sdk, settings: S3Settings, bucket: string): URL {
  const { config } = new sdk.S3Client(clientConfig(settings));
  const endpoint = config.endpointProvider(
    {
      Bucket: bucket,
      Region: settings.region,
      Endpoint: settings.endpointUrl,
      ForcePathStyle: settings.forcePathStyle ?? false,
      UseFIPS: false,
      UseDualStack: false,
      Accelerate: false,
      UseGlobalEndpoint: false,
      DisableMultiRegionAccessPoints: true,
    },
    {},
  );
  return endpoint.url;
}

function clientConfig(settings: S3Settings): S3ClientConfig {
  return {
    region: settings.region,
    // The SDK would look up anything not set here in the environment and in the user's files.
    defaultsMode: 'standard',
    authSchemePreference: [],
    useDualstackEndpoint: false,
    useFipsEndpoint: false,
    useArnRegion: false,
    disableS3ExpressSessionAuth: true,
    userAgentAppId: '',
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // The wire retries requests.
    maxAttempts: 1,
    retryMode: 'standard',
    expectContinueHeader: false,
  };
}

/** Headers that reveal the machine, or describe how the SDK sends requests, which the wire does instead. */
const unsentHeaders: ReadonlySet<string> = new Set([
  'amz-sdk-invocation-id',
  'amz-sdk-request',
  'expect',
  'x-amz-user-agent',
  'x-amzn-trace-id',
]);

/** What is known about a request that the SDK is about to build. */
export interface DocumentCall {
  /** Describes the request, for errors. */
  readonly what: string;
  readonly action: S3Action;
  /** The root element of the answer. */
  readonly root: string;
  readonly signal: AbortSignal;
}

/**
 * The operations of S3 that answer in XML. The SDK builds the requests and parses the documents; the wire signs and sends
 * them, so that errors, clocks and credentials are handled in one place.
 */
export class S3Documents {
  readonly sdk: S3Sdk;
  readonly bucket: string;
  readonly #wire: S3Wire;
  readonly #client: Client;
  /** The SDK passes a call's signal on to the request: it identifies the call. */
  readonly #calls = new WeakMap<object, DocumentCall>();

  constructor(sdk: S3Sdk, settings: S3Settings, wire: S3Wire, url: URL) {
    this.sdk = sdk;
    this.bucket = wire.place.bucket;
    this.#wire = wire;
    this.#client = new sdk.S3Client({
      ...clientConfig(settings),
      endpointProvider: () => ({ url, properties: {} }),
      httpAuthSchemes: [
        {
          schemeId: 'aws.auth#sigv4',
          identityProvider: () => async () => ({}),
          signer: { sign: async (request) => request },
        },
      ],
      requestHandler: {
        metadata: { handlerProtocol: 'http/1.1' },
        handle: (request: HttpRequest, options: HttpHandlerOptions = {}) =>
          this.#handle(request, this.#calls.get(options.abortSignal ?? this)),
      },
    });
  }

  /**
   * Makes one call of the SDK's client; `send` gets the options for it. Throws what the wire throws, and `RemoteError`
   * `unexpected-response` for an answer that is not such a document.
   */
  async ask<Answer>(
    call: DocumentCall,
    send: (client: Client, options: { readonly abortSignal: AbortSignal }) => Promise<Answer>,
  ): Promise<Answer> {
    this.#calls.set(call.signal, call);
    try {
      return await send(this.#client, { abortSignal: call.signal });
    } catch (error) {
      if (error instanceof SlipwayError) throw error;
      throw new RemoteError('unexpected-response', `${call.what}: the server's answer cannot be read.`, {
        hint: 'Check the endpoint: is it an S3 server?',
        cause: error,
      });
    }
  }

  async #handle(request: HttpRequest, call: DocumentCall | undefined): Promise<{ response: HttpResponse }> {
    if (call === undefined) throw new InternalError('A request to S3 belongs to no known call.');
    const body = sdkBody(request);
    const headers: Record<string, string> = {};
    for (const [given, value] of Object.entries(request.headers)) {
      const name = given.toLowerCase();
      if (!unsentHeaders.has(name)) headers[name] = value;
    }
    // Older servers support no other checksum here.
    if (body !== undefined && body.length > 0) headers['content-md5'] = hash('md5', body, 'base64');
    const response = await this.#wire.document({
      ...call,
      method: request.method,
      path: request.path,
      query: sdkQuery(request),
      headers,
      body,
    });
    return { response: { statusCode: response.status, headers: response.headers, body: response.body } };
  }
}
