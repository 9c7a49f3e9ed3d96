import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { proxyVariables, systemErrorCode } from '@slipway/core';

const maxAnswerBytes = 16 * 2 ** 20;
const maxHeaderBytes = 32 * 1024;

/** Why there was no answer to a request. */
export class ConnectionFailure extends Error {
  /** `unsent`: nothing of the request has left. `insecure`: nor would it. `lost`: it may have arrived. */
  readonly kind: 'unsent' | 'insecure' | 'lost';

  constructor(kind: ConnectionFailure['kind'], message: string, cause: unknown) {
    super(message, { cause });
    this.kind = kind;
  }
}

export interface TransportOptions {
  /** How long a request may take, its answer included. */
  readonly timeoutMs: number;
  readonly proxyEnvironment: Readonly<Record<string, string | undefined>> | undefined;
}

interface FetchOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
}

/**
 * A `fetch` for octokit that says of each failure whether the request can have arrived: over Node's own HTTP, with a
 * connection of its own for each request, no redirects and no repeating. Throws `ConnectionFailure`.
 */
export function transport({ timeoutMs, proxyEnvironment }: TransportOptions) {
  return async (address: string, { method = 'GET', headers = {}, body }: FetchOptions): Promise<Response> => {
    const url = new URL(address);
    const { Agent, request } = await (url.protocol === 'https:' ? import('node:https') : import('node:http'));
    const agent = new Agent({
      keepAlive: false,
      ...(proxyEnvironment === undefined ? {} : { proxyEnv: proxyVariables(proxyEnvironment) }),
    });
    const signal = AbortSignal.timeout(timeoutMs);
    const sent = request(url, { method, headers, agent, signal, maxHeaderSize: maxHeaderBytes });
    let socket: Socket | undefined;
    sent.on('socket', (given) => {
      socket = given;
    });
    try {
      const answer = await answerTo(sent, body);
      return await readAnswer(answer);
    } catch (error) {
      throw asFailure(error, socket, signal.aborted, url.host);
    } finally {
      sent.destroy();
      agent.destroy();
    }
  };
}

function answerTo(sent: ClientRequest, body: string | undefined): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    sent.on('error', reject);
    sent.on('response', resolve);
    sent.end(body);
  });
}

async function readAnswer(answer: IncomingMessage): Promise<Response> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of answer as AsyncIterable<Uint8Array>) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxAnswerBytes) throw new Error('its answer is too large');
    chunks.push(chunk);
  }
  const headers = new Headers();
  for (const [name, value] of Object.entries(answer.headers)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value);
  }
  const status = answer.statusCode ?? 0;
  if (status < 200 || status > 599) throw new Error(`its status is ${status}`);
  const bodyless = status === 204 || status === 205 || status === 304;
  return new Response(bodyless ? null : Buffer.concat(chunks), { status, headers });
}

function asFailure(
  error: unknown,
  socket: Socket | undefined,
  timedOut: boolean,
  host: string,
): ConnectionFailure {
  const code = systemErrorCode(error) ?? '';
  if (isInsecure(code)) {
    return new ConnectionFailure('insecure', `the connection to ${host} is not secure (${code})`, error);
  }
  const isUnsent = socket === undefined || socket.connecting || isBeforeConnection(error);
  const kind = isUnsent ? 'unsent' : 'lost';
  if (timedOut) return new ConnectionFailure(kind, `${host} did not answer in time`, error);
  const reason = code === '' && error instanceof Error ? error.message : code;
  return new ConnectionFailure(kind, `the connection to ${host} failed (${reason})`, error);
}

/** A certificate is looked at before anything is sent. */
function isInsecure(code: string): boolean {
  return /CERT|SELF_SIGNED|ISSUER|^ERR_TLS|^ERR_SSL|^EPROTO$/.test(code);
}

/** Whether an error is of looking a name up or of connecting: several of these when a name has several addresses. */
function isBeforeConnection(error: unknown): boolean {
  if (error instanceof AggregateError)
    return error.errors.length > 0 && error.errors.every(isBeforeConnection);
  if (!(error instanceof Error) || !('syscall' in error)) return false;
  return error.syscall === 'connect' || error.syscall === 'getaddrinfo';
}
