import { createHmac, hash } from 'node:crypto';
import type { AwsCredentials } from '@slipway/core';

/** The signed fields of a request: its path percent-encoded once, its query sorted and encoded. */
export interface SignableRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  /** In lower case, including `host` and `x-amz-content-sha256`. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Proxies may change these on the way; the SDK leaves the same ones out. */
const unsignedHeaders: ReadonlySet<string> = new Set([
  'accept-encoding',
  'cache-control',
  'connection',
  'expect',
  'transfer-encoding',
  'user-agent',
]);

/** Stands for the payload's hash in signatures that do not cover it. */
export const unsignedPayload = 'UNSIGNED-PAYLOAD';

/**
 * Signature Version 4 for S3 ("Authenticating Requests: Using the Authorization Header" in the S3 API reference). The
 * SDK's signer adds a quarter to the CPU time of a request: it is asynchronous, and hashes the secret every time. A
 * property test compares the two.
 */
export class S3Signer {
  readonly #region: string;
  #key: { readonly secret: string; readonly day: string; readonly bytes: Buffer } | undefined;

  constructor(region: string) {
    this.#region = region;
  }

  /** The headers to add: `x-amz-date`, `authorization` and, for temporary keys, `x-amz-security-token`. */
  sign(request: SignableRequest, credentials: AwsCredentials, nowMs: number): Record<string, string> {
    const time = new Date(nowMs).toISOString().replace(/[-:]|\.\d{3}/g, '');
    const day = time.slice(0, 8);
    const added: Record<string, string> = { 'x-amz-date': time };
    if (credentials.sessionToken !== undefined) added['x-amz-security-token'] = credentials.sessionToken;
    const headers: Record<string, string> = { ...request.headers, ...added };
    const names = Object.keys(headers)
      .filter((name) => !unsignedHeaders.has(name))
      .sort();
    const signedHeaders = names.join(';');
    let canonical = `${request.method}\n${request.path}\n${request.query}\n`;
    for (const name of names) canonical += `${name}:${(headers[name] ?? '').trim().replace(/ {2,}/g, ' ')}\n`;
    canonical += `\n${signedHeaders}\n${headers['x-amz-content-sha256'] ?? unsignedPayload}`;
    const scope = `${day}/${this.#region}/s3/aws4_request`;
    const toSign = `AWS4-HMAC-SHA256\n${time}\n${scope}\n${hash('sha256', canonical)}`;
    const signature = hmac(this.#keyOf(credentials.secretAccessKey, day), toSign).toString('hex');
    added['authorization'] =
      `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${signedHeaders}, Signature=${signature}`;
    return added;
  }

  #keyOf(secret: string, day: string): Buffer {
    if (this.#key?.secret !== secret || this.#key.day !== day) {
      const parts = [day, this.#region, 's3', 'aws4_request'];
      this.#key = { secret, day, bytes: parts.reduce<Buffer>(hmac, Buffer.from(`AWS4${secret}`)) };
    }
    return this.#key.bytes;
  }
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
