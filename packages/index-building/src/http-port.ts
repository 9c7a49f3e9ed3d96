/** One request: a GET of a URL. Nothing that is secret is ever in it. */
export interface HttpGet {
  readonly url: string;
  /** In lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** The answer to one request; redirects are answers like others. */
export interface HttpAnswer {
  readonly status: number;
  /** By name in lower case; undefined if there is none. */
  readonly header: (name: string) => string | undefined;
  /** Decoded, if the server compressed it. Whoever does not read it to the end leaves the loop, or calls `cancel`. */
  readonly body: AsyncIterable<Uint8Array>;
  readonly cancel: () => void | Promise<void>;
}

/**
 * How other servers are asked. Follows no redirects and tries nothing again. Throws if there is no answer: a `RemoteError` if it knows
 * more about it, and whatever else counts as a connection that failed.
 */
export type HttpPort = (request: HttpGet) => Promise<HttpAnswer>;

/** The port over a `fetch` that gives redirects as they are, as those of Node and of Workers do. */
export function fetchPort(fetchOne: typeof fetch): HttpPort {
  return async ({ url, headers, signal }) => {
    const response = await fetchOne(url, { headers, signal, redirect: 'manual' });
    return {
      status: response.status,
      header: (name) => response.headers.get(name) ?? undefined,
      body: chunksOf(response.body),
      cancel: () => response.body?.cancel(),
    };
  };
}

async function* chunksOf(body: ReadableStream<Uint8Array> | null): AsyncGenerator<Uint8Array> {
  if (body === null) return;
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
