import { Agent, createServer, type IncomingHttpHeaders, request, type ServerResponse } from 'node:http';
import { crc32 } from 'node:zlib';

/** The probability of each fault for a request, in [0, 1]; 0 by default. */
export interface S3Faults {
  /** 503 SlowDown, every third with `Retry-After`. */
  readonly slowDown?: number;
  /** The connection is reset before the server sees the request. */
  readonly reset?: number;
  /** The server carries out the request, and its answer ends in the middle. */
  readonly cut?: number;
  /** The server carries out the request, and the answer has another ETag. */
  readonly wrongEtag?: number;
  /** 409 ConditionalRequestConflict for a write with a condition. */
  readonly conflict?: number;
  /** 412 PreconditionFailed for a write with a condition, as another writer would cause it. */
  readonly preconditionFailed?: number;
  /** The server carries out the request, and the connection is reset instead of an answer. */
  readonly ambiguous?: number;
  /** `Date` is an hour off in a success. */
  readonly shiftedDate?: number;
  /** 403 RequestTimeTooSkewed, whose `Date` is an hour off every other time. */
  readonly tooSkewed?: number;
  /** 403 ExpiredToken. */
  readonly expired?: number;
}

type Fault = keyof S3Faults;
const faultNames: readonly Fault[] = [
  'slowDown',
  'reset',
  'cut',
  'wrongEtag',
  'conflict',
  'preconditionFailed',
  'ambiguous',
  'shiftedDate',
  'tooSkewed',
  'expired',
];
const conditional: ReadonlySet<Fault> = new Set(['conflict', 'preconditionFailed']);

/** A request and the fault that was applied to it. */
export interface ProxiedRequest {
  readonly method: string;
  /** Path and query, percent-encoded. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly fault: Fault | undefined;
}

/** A proxy in front of an S3 server that injects faults. */
export interface S3FaultProxy {
  readonly endpointUrl: string;
  readonly requests: readonly ProxiedRequest[];
  /** Called when the server has carried out a request; its answer is sent on when the promise, if there is one, is kept. */
  onAnswered: (request: ProxiedRequest) => void | Promise<void>;
  /** From now on these faults happen. */
  setFaults(faults: S3Faults): void;
  /** The next `times` matching requests get this fault, whatever the probabilities. */
  provoke(fault: Fault, matches: (request: ProxiedRequest) => boolean, times?: number): void;
  close(): void;
}

/** The most faults in a row for one retried request, unless a fault is certain, so that no client fails by bad luck. */
const maxFaultsInARow = 5;

/**
 * Starts a proxy to `targetUrl` on a free loopback port. The same `seed` causes the same faults for the same attempts of the same
 * requests, in any order of requests.
 */
export async function startS3FaultProxy(
  targetUrl: string,
  faults: S3Faults = {},
  seed = 1,
): Promise<S3FaultProxy> {
  const series = new RequestSeries(seed);
  const agent = new Agent({ keepAlive: true });
  const target = new URL(targetUrl);
  const requests: ProxiedRequest[] = [];
  const provoked: { fault: Fault; matches: (request: ProxiedRequest) => boolean; times: number }[] = [];
  let current = faults;

  const choose = (seen: ProxiedRequest, attempts: Attempts): Fault | undefined => {
    const planned = provoked.find(({ times, matches }) => times > 0 && matches(seen));
    if (planned !== undefined) {
      planned.times -= 1;
      return planned.fault;
    }
    const hasCondition = 'if-match' in seen.headers || 'if-none-match' in seen.headers;
    const isConditionalWrite = hasCondition && seen.method !== 'GET' && seen.method !== 'HEAD';
    const isRead = seen.method === 'GET' || seen.method === 'HEAD';
    const found = faultNames.find(
      (fault) =>
        attempts.random() < (current[fault] ?? 0) &&
        (isConditionalWrite || !conditional.has(fault)) &&
        // For a read, a lost answer is only a broken connection, and expired credentials are not offered twice.
        !(isRead && fault === 'ambiguous') &&
        !(fault === 'expired' && attempts.last === 'expired' && current.expired !== 1),
    );
    attempts.last = found;
    const isCertain = found !== undefined && current[found] === 1;
    attempts.faultsInARow = found === undefined || isCertain ? 0 : attempts.faultsInARow + 1;
    if (attempts.faultsInARow <= maxFaultsInARow) return found;
    attempts.faultsInARow = 0;
    return undefined;
  };

  const server = createServer(async (incoming, answer) => {
    const { method = 'GET', url = '/', headers } = incoming;
    const attempts = series.of(method, url, headers);
    const fault = choose({ method, url, headers, fault: undefined }, attempts);
    requests.push({ method, url, headers, fault });
    const roll = attempts.random();
    // Half of the resets come in the middle of the body.
    if (fault === 'reset' && roll < 0.5) {
      const reset = () => void incoming.socket.resetAndDestroy();
      incoming.once('data', reset).once('end', reset);
      return;
    }
    const chunks: Uint8Array[] = [];
    try {
      for await (const chunk of incoming) chunks.push(chunk);
    } catch {
      return;
    }
    if (fault === 'reset') return void incoming.socket.resetAndDestroy();
    if (fault !== undefined && refuse(fault, answer, roll)) return;
    const upstream = request({
      agent,
      hostname: target.hostname,
      port: target.port,
      method,
      path: url,
      headers,
    });
    upstream.on('error', () => void incoming.socket.destroy());
    upstream.on('response', async (response) => {
      const body: Uint8Array[] = [];
      try {
        for await (const chunk of response) body.push(chunk);
      } catch {
        return void incoming.socket.destroy();
      }
      const whole = Buffer.concat(body);
      await proxy.onAnswered({ method, url, headers, fault });
      if (fault === 'ambiguous' || (fault === 'cut' && whole.length === 0)) {
        return void incoming.socket.resetAndDestroy();
      }
      const changed = { ...response.headers };
      if (fault === 'wrongEtag' && changed.etag !== undefined) {
        changed.etag = `"${seededHex(attempts.random)}"`;
      }
      if (fault === 'shiftedDate') changed.date = shiftedDate();
      answer.writeHead(response.statusCode ?? 502, changed);
      if (fault !== 'cut' || method === 'HEAD') return void answer.end(whole);
      answer.write(whole.subarray(0, Math.floor(whole.length * roll)), () => incoming.socket.destroy());
    });
    upstream.end(Buffer.concat(chunks));
  });
  // A client that gives up must not end the process.
  server.on('clientError', (_error, socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  const proxy: S3FaultProxy = {
    endpointUrl: `http://127.0.0.1:${address.port}`,
    requests,
    onAnswered: () => {},
    setFaults(next) {
      current = next;
    },
    provoke(fault, matches, times = 1) {
      provoked.push({ fault, matches, times });
    },
    close() {
      agent.destroy();
      server.closeAllConnections();
      server.close();
    },
  };
  return proxy;
}

/** Answers instead of the server if the fault is such an answer. */
function refuse(fault: Fault, answer: ServerResponse, roll: number): boolean {
  const write = (status: number, code: string, headers: Readonly<Record<string, string>> = {}): true => {
    const body = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>By the proxy.</Message></Error>`;
    answer.writeHead(status, { 'content-type': 'application/xml', ...headers });
    answer.end(body);
    return true;
  };
  switch (fault) {
    case 'slowDown':
      return write(503, 'SlowDown', roll < 1 / 3 ? { 'retry-after': '1' } : {});
    case 'conflict':
      return write(409, 'ConditionalRequestConflict');
    case 'preconditionFailed':
      return write(412, 'PreconditionFailed');
    case 'tooSkewed':
      return write(403, 'RequestTimeTooSkewed', roll < 0.5 ? { date: shiftedDate() } : {});
    case 'expired':
      return write(403, 'ExpiredToken');
    default:
      return false;
  }
}

function shiftedDate(): string {
  return new Date(Date.now() + 3_600_000).toUTCString();
}

function seededHex(random: () => number): string {
  return Array.from({ length: 32 }, () => Math.floor(random() * 16).toString(16)).join('');
}

/** The faults that a request and its retries have met so far. */
interface Attempts {
  readonly random: () => number;
  faultsInARow: number;
  last: Fault | undefined;
}

/** Identifies requests by what stays the same when one is retried, and in another run of the same test. */
class RequestSeries {
  readonly #seed: number;
  readonly #attempts = new Map<string, Attempts>();
  /** The tokens of the writes of a key, in the order in which they came. */
  readonly #writers = new Map<string, string[]>();

  constructor(seed: number) {
    this.#seed = seed;
  }

  of(method: string, url: string, headers: IncomingHttpHeaders): Attempts {
    // Buckets and uploads have random names.
    const place = url.replace(/^\/[^/?]*/, '').replace(/uploadId=[^&]*/, 'uploadId=');
    const name = `${method} ${place} ${this.#writer(place, headers)}`;
    const known = this.#attempts.get(name);
    if (known !== undefined) return known;
    const attempts = { random: seededRandom(crc32(name, this.#seed)), faultsInARow: 0, last: undefined };
    this.#attempts.set(name, attempts);
    return attempts;
  }

  #writer(place: string, headers: IncomingHttpHeaders): number {
    const [token] = String(headers['x-amz-meta-slipway-writes'] ?? '').split(' ');
    if (token === undefined || token === '') return 0;
    const tokens = this.#writers.get(place) ?? [];
    if (!tokens.includes(token)) this.#writers.set(place, [...tokens, token]);
    return (this.#writers.get(place) ?? []).indexOf(token) + 1;
  }
}

/** Mulberry32: numbers in [0, 1) that are the same for the same seed. */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
