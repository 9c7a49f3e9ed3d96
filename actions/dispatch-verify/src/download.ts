import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { type Environment, systemErrorCode } from '@slipway/core';
import type { RefusalCode } from '@slipway/dispatch-payload';
import {
  bodyFailure,
  fetchFrom,
  HttpClient,
  HttpFailure,
  isTransientStatus,
  transferDeadlineMs,
} from '@slipway/http';

const idleMs = 30_000;

/** Why a download failed; `isTransient` when another attempt may succeed. It names only the host of a URL. */
export class DownloadFault extends Error {
  readonly code: RefusalCode;
  readonly isTransient: boolean;

  constructor(code: RefusalCode, message: string, isTransient: boolean, cause?: unknown) {
    super(message, { cause });
    this.code = code;
    this.isTransient = isTransient;
  }
}

export interface Expected {
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** Fetches files, each within a time limit that grows with its size. Redirects are followed only on the same host. */
export class Downloader {
  readonly #client: HttpClient;

  constructor(proxyEnvironment: Environment) {
    this.#client = new HttpClient({ idleMs, proxyEnvironment });
  }

  /** Writes the contents of `url` to a new file, and throws `DownloadFault` unless they are as expected. */
  async fetch(
    url: string,
    path: string,
    expected: Expected,
    onBytes: (count: number) => void,
  ): Promise<void> {
    const what = 'the download';
    const signal = AbortSignal.timeout(transferDeadlineMs(expected.sizeBytes));
    try {
      const response = await fetchFrom(this.#client, { url, redirects: 'same-origin', what, signal });
      try {
        const status = response.statusCode ?? 0;
        if (status !== 200) {
          const { host } = new URL(url);
          throw new DownloadFault(
            'artifact-unreachable',
            `${host} answers ${status}`,
            isTransientStatus(status),
          );
        }
        const file = await open(path, 'wx');
        try {
          await receive(response, file, expected, { onBytes, what, signal });
        } finally {
          await file.close();
        }
      } finally {
        response.destroy();
      }
    } catch (error) {
      if (!(error instanceof HttpFailure)) throw error;
      const code = error.kind === 'redirect' ? 'artifact-refused' : 'artifact-unreachable';
      throw new DownloadFault(code, error.reason, error.retryable, error);
    }
  }

  close(): void {
    this.#client.close();
  }
}

async function receive(
  response: IncomingMessage,
  file: FileHandle,
  expected: Expected,
  { onBytes, what, signal }: { onBytes: (count: number) => void; what: string; signal: AbortSignal },
): Promise<void> {
  const hash = createHash('sha256');
  let received = 0;
  try {
    for await (const chunk of response as AsyncIterable<Uint8Array>) {
      received += chunk.length;
      if (received > expected.sizeBytes) throw mismatch(`it is larger than ${expected.sizeBytes} bytes`);
      hash.update(chunk);
      await file.writeFile(chunk);
      onBytes(chunk.length);
    }
  } catch (error) {
    // A problem of this machine's disk is not a fault of the message.
    if (/^(ENOSPC|EDQUOT|EACCES|EROFS|EIO)$/.test(systemErrorCode(error) ?? '')) throw error;
    throw error instanceof DownloadFault ? error : bodyFailure(error, what, received, signal);
  }
  if (received < expected.sizeBytes) {
    throw mismatch(`it has ${received} bytes instead of ${expected.sizeBytes}`);
  }
  const sha256 = hash.digest('hex');
  if (sha256 !== expected.sha256) throw mismatch(`its SHA-256 is ${sha256} instead of ${expected.sha256}`);
}

function mismatch(message: string): DownloadFault {
  return new DownloadFault('artifact-mismatch', message, false);
}
