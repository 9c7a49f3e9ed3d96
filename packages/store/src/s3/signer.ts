import { createHash, createHmac } from 'node:crypto';
import type { AwsCredentialsSource } from '@slipway/core';
import { SignatureV4 } from '@smithy/signature-v4';

/** The payload's hash in signatures that do not cover it. */
export const unsignedPayload = 'UNSIGNED-PAYLOAD';

/** What is signed of a request: its path percent-encoded once, and its query as plain text. */
export interface SignableRequest {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** In lower case; `host` and `x-amz-content-sha256` among them. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Signature Version 4 for S3. */
export class S3Signer {
  readonly #signer: SignatureV4;

  constructor(region: string, credentials: AwsCredentialsSource) {
    this.#signer = new SignatureV4({
      service: 's3',
      region,
      credentials: async () => {
        const { accessKeyId, secretAccessKey, sessionToken } = await credentials();
        return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
      },
      sha256: NodeSha256,
      // S3 alone takes the path as it is sent, and a hash of the body that is known already.
      uriEscapePath: false,
      applyChecksum: false,
    });
  }

  /** The headers of a request with those that its signature adds. Throws what the credentials' source throws. */
  async sign(
    { method, path, query, headers }: SignableRequest,
    nowMs: number,
  ): Promise<Record<string, string>> {
    const request = {
      method,
      protocol: 'https:',
      hostname: '',
      path,
      query: { ...query },
      headers: { ...headers },
    };
    const signed = await this.#signer.sign(request, { signingDate: new Date(nowMs) });
    return signed.headers;
  }
}

/** The hash and the HMAC of `node:crypto` in the form that the signer asks for. */
class NodeSha256 {
  readonly #digest: ReturnType<typeof createHash> | ReturnType<typeof createHmac>;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#digest = secret === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(secret));
  }

  update(chunk: string | ArrayBuffer | ArrayBufferView): void {
    this.#digest.update(bytesOf(chunk));
  }

  async digest(): Promise<Uint8Array> {
    return this.#digest.digest();
  }

  reset(): void {}
}

function bytesOf(data: string | ArrayBuffer | ArrayBufferView): string | Uint8Array {
  if (typeof data === 'string') return data;
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}
