import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import type { Agent, IncomingMessage } from 'node:http';
import { printable, proxyVariables, systemErrorCode } from '@slipway/core';
import type { RefusalCode } from '@slipway/dispatch-payload';

const idleMs = 30_000;
const maxRedirects = 5;
const maxHeaderBytes = 16 * 1024;

/** Why a download failed; `passing` when another try may succeed. Nothing in it names more of a URL than its host. */
export class DownloadFault extends Error {
  readonly code: RefusalCode;
  readonly passing: boolean;

  constructor(code: RefusalCode, message: string, passing: boolean, cause?: unknown) {
    super(message, { cause });
    this.code = code;
    this.passing = passing;
  }
}

export interface Expected {
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** Fetches single files over connections that are kept. Redirects are followed on the same host alone. */
export class Downloader {
  readonly #proxyEnvironment: Readonly<Record<string, string | undefined>>;
  #agents: { readonly http: Agent; readonly https: Agent } | undefined;

  constructor(proxyEnvironment: Readonly<Record<string, string | undefined>>) {
    this.#proxyEnvironment = proxyEnvironment;
  }

  /** Writes what is at `url` to a new file, and throws `DownloadFault` unless it is what is expected. */
  async fetch(
    url: string,
    path: string,
    expected: Expected,
    onBytes: (count: number) => void,
  ): Promise<void> {
    const response = await this.#get(new URL(url));
    try {
      const file = await open(path, 'wx');
      try {
        await receive(response, file, expected, onBytes);
      } finally {
        await file.close();
      }
    } finally {
      response.destroy();
    }
  }

  close(): void {
    this.#agents?.http.destroy();
    this.#agents?.https.destroy();
  }

  async #get(start: URL): Promise<IncomingMessage> {
    let url = start;
    for (let redirects = 0; ; redirects += 1) {
      const response = await this.#getOnce(url);
      const status = response.statusCode ?? 0;
      if (status === 200) return response;
      response.destroy();
      if (![301, 302, 303, 307, 308].includes(status)) {
        const passing = status >= 500 || status === 408 || status === 429;
        throw new DownloadFault('artifact-unreachable', `${url.host} answers ${status}`, passing);
      }
      const to = URL.parse(response.headers.location ?? '', url.href);
      if (to === null || to.origin !== start.origin || redirects === maxRedirects) {
        const where = to === null ? 'nowhere' : printable(to.host, 200);
        throw new DownloadFault(
          'artifact-refused',
          `${url.host} redirects to ${where}, which is not followed`,
          false,
        );
      }
      url = to;
    }
  }

  async #getOnce(url: URL): Promise<IncomingMessage> {
    const [http, https] = await Promise.all([import('node:http'), import('node:https')]);
    const options = { keepAlive: true, proxyEnv: proxyVariables(this.#proxyEnvironment) };
    this.#agents ??= { http: new http.Agent(options), https: new https.Agent(options) };
    const agents = this.#agents;
    const isSecure = url.protocol === 'https:';
    return new Promise((resolve, reject) => {
      const sent = (isSecure ? https : http).get(url, {
        agent: isSecure ? agents.https : agents.http,
        headers: { 'accept-encoding': 'identity', 'user-agent': 'slipway' },
        maxHeaderSize: maxHeaderBytes,
        timeout: idleMs,
      });
      let response: IncomingMessage | undefined;
      sent.on('timeout', () => {
        const silent = new DownloadFault(
          'artifact-unreachable',
          `${url.host} was silent for ${idleMs / 1000} s`,
          true,
        );
        (response ?? sent).destroy(silent);
      });
      sent.on('error', (error) => reject(asFault(error, url.host)));
      sent.on('response', (incoming) => {
        response = incoming;
        // Whoever reads the body gets the error; while nobody does, it must not end the process.
        incoming.on('error', () => {});
        resolve(incoming);
      });
    });
  }
}

async function receive(
  response: IncomingMessage,
  file: FileHandle,
  expected: Expected,
  onBytes: (count: number) => void,
): Promise<void> {
  const hash = createHash('sha256');
  let received = 0;
  try {
    for await (const chunk of response as AsyncIterable<Uint8Array>) {
      received += chunk.length;
      if (received > expected.sizeBytes)
        throw mismatch(`it is larger than the ${expected.sizeBytes} bytes it must have`);
      hash.update(chunk);
      await file.writeFile(chunk);
      onBytes(chunk.length);
    }
  } catch (error) {
    throw asFault(error, 'the server');
  }
  if (received < expected.sizeBytes) {
    throw mismatch(`it has ${received} bytes, and must have ${expected.sizeBytes}`);
  }
  const sha256 = hash.digest('hex');
  if (sha256 !== expected.sha256) throw mismatch(`its SHA-256 is ${sha256}, and must be ${expected.sha256}`);
}

function mismatch(message: string): DownloadFault {
  return new DownloadFault('artifact-mismatch', message, false);
}

function asFault(error: unknown, host: string): unknown {
  if (error instanceof DownloadFault) return error;
  const code = systemErrorCode(error);
  // What is wrong with this machine's disk is no fault of the message.
  if (code !== undefined && /^(ENOSPC|EDQUOT|EACCES|EROFS|EIO)$/.test(code)) return error;
  const final = /CERT|SELF_SIGNED|ISSUER|^ERR_TLS|^ERR_SSL|^EPROTO$|^HPE_/.test(code ?? '');
  return new DownloadFault(
    'artifact-unreachable',
    `the connection to ${host} failed (${code ?? 'no code'})`,
    !final,
    error,
  );
}
