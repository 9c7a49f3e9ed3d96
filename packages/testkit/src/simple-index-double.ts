import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { serveLoopback } from './loopback-server.ts';

/** A page of the double: what PEP 691 has, but for the version of the API. */
export interface DoubledPage {
  readonly status?: { readonly status: string; readonly reason?: string };
  /** As PEP 691 writes them; relative URLs start at the page. */
  readonly files: readonly (Readonly<Record<string, unknown>> & {
    readonly filename: string;
    readonly url: string;
    readonly hashes: Readonly<Record<string, string>>;
  })[];
}

/** What the double does instead of answering. `cut`: breaks off in the middle of the page. */
export type DoubledFault =
  | 'cut'
  | {
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string | Buffer;
    };

export interface DoubledRequest {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly status: number;
}

const json = 'application/vnd.pypi.simple.v1+json';

/**
 * A double of a package index that speaks PEP 503, 592, 629, 658, 691, 700, 714 and 792, with content negotiation by `Accept`, ETags and
 * answers 304; names that are not normalised are redirected, as on PyPI.
 */
export class SimpleIndexDouble {
  /** By normalised name. */
  readonly projects = new Map<string, DoubledPage>();
  /** Every request that came, in order. */
  readonly requests: DoubledRequest[] = [];
  /** What is served; without JSON, as an index before PEP 691. */
  formats: readonly ('json' | 'html')[] = ['json', 'html'];
  hasEtags = true;
  readonly #faults: DoubledFault[] = [];
  #always: DoubledFault | undefined;
  #server: { readonly url: string; close(): void } | undefined;

  static async start(): Promise<SimpleIndexDouble> {
    const double = new SimpleIndexDouble();
    double.#server = await serveLoopback(async (request, response) => {
      double.#answer(request, response);
    });
    return double;
  }

  /** The URL of the index, with a slash at its end. */
  get url(): string {
    return `${this.#server?.url ?? ''}/simple/`;
  }

  /** The next requests fail like this. */
  failNext(...faults: readonly DoubledFault[]): void {
    this.#faults.push(...faults);
  }

  /** All requests fail like this from now on. */
  failAlways(fault: DoubledFault | undefined): void {
    this.#always = fault;
  }

  close(): void {
    this.#server?.close();
  }

  #answer(request: IncomingMessage, response: ServerResponse): boolean {
    const path = request.url ?? '/';
    const fault = this.#faults.shift() ?? this.#always;
    const send = (
      status: number,
      headers: Readonly<Record<string, string>> = {},
      body?: string | Buffer,
    ): boolean => {
      this.requests.push({ path, headers: request.headers, status });
      response.writeHead(status, headers).end(body);
      return true;
    };
    if (fault !== undefined && fault !== 'cut') return send(fault.status, fault.headers, fault.body);
    const name = decodeURIComponent(/^\/simple\/([^/]+)\/?$/.exec(path)?.[1] ?? '');
    const normal = name.toLowerCase().replaceAll(/[._-]+/g, '-');
    const page = this.projects.get(normal);
    if (page === undefined) return send(404, { 'content-type': 'text/plain' }, 'not found');
    if (path !== `/simple/${normal}/`) return send(301, { location: `/simple/${normal}/` });
    const format = this.formats.find((one) => one === 'html' || isJsonWanted(request.headers.accept));
    if (format === undefined) return send(406);
    const body = Buffer.from(format === 'json' ? jsonPage(normal, page) : htmlPage(page));
    const etag = `"${createHash('sha256').update(body).digest('hex').slice(0, 32)}"`;
    const headers = {
      'content-type': format === 'json' ? json : 'text/html; charset=utf-8',
      vary: 'accept',
      ...(this.hasEtags ? { etag } : {}),
    };
    if (fault !== 'cut' && this.hasEtags && request.headers['if-none-match'] === etag)
      return send(304, headers);
    if (fault !== 'cut') return send(200, headers, body);
    this.requests.push({ path, headers: request.headers, status: 200 });
    response.writeHead(200, { ...headers, 'content-length': body.length });
    response.write(body.subarray(0, body.length / 2), () => response.destroy());
    return true;
  }
}

function isJsonWanted(accept = ''): boolean {
  return accept.split(',').some((part) => part.split(';', 1)[0]?.trim() === json);
}

function jsonPage(name: string, { files, status }: DoubledPage): string {
  return JSON.stringify({
    meta: { 'api-version': '1.4' },
    name,
    ...(status === undefined ? {} : { 'project-status': status }),
    files,
  });
}

function htmlPage({ files, status }: DoubledPage): string {
  const metas = [
    ['pypi:repository-version', '1.4'],
    ['pypi:project-status', status?.status],
    ['pypi:project-status-reason', status?.reason],
  ].flatMap(([name, content]) =>
    content === undefined ? [] : [`<meta name="${name}" content="${escaped(content)}">`],
  );
  const links = files.map((file) => {
    const [hash] = Object.entries(file.hashes);
    const fragment = hash === undefined ? '' : `#${hash.join('=')}`;
    const requires = file['requires-python'];
    const { yanked } = file;
    const attributes = [
      typeof requires === 'string' ? ` data-requires-python="${escaped(requires)}"` : '',
      yanked === undefined || yanked === false
        ? ''
        : ` data-yanked="${escaped(yanked === true ? '' : String(yanked))}"`,
      file['core-metadata'] === true ? ' data-core-metadata="true"' : '',
    ];
    return `<a href="${escaped(file.url)}${fragment}"${attributes.join('')}>${escaped(file.filename)}</a><br>`;
  });
  return ['<!DOCTYPE html>', '<html><head>', ...metas, '</head><body>', ...links, '</body></html>', ''].join(
    '\n',
  );
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('"', '&quot;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');
}
