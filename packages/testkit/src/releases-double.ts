import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { requestBody, serveLoopback } from './loopback-server.ts';
import { serverProgram } from './server-programs.ts';

export interface DoubledRelease {
  readonly id: number;
  readonly tag: string;
  isDraft: boolean;
  readonly assets: Map<string, Buffer>;
}

interface Call {
  readonly method: string;
  readonly url: URL;
  readonly body: Buffer;
  readonly response: ServerResponse;
}

/** The host for which `gh` uses plain HTTP, reserved by GitHub for its own development. */
const host = 'github.localhost';

/**
 * A double of the part of GitHub's API that `gh release` uses: releases by tag and id, drafts, assets and the existence of tags.
 * `gh` reaches it as a proxy. Not checked against GitHub's schema: it only has to satisfy `gh`.
 */
export class ReleasesDouble {
  readonly releases: DoubledRelease[] = [];
  /** Requests that change something, such as `POST /repos/…`. */
  readonly changes: string[] = [];
  /** Requests that the double does not support. */
  readonly unknown: string[] = [];
  readonly #repository: string;
  readonly #tags: Iterable<string>;
  #server: { readonly url: string; close(): void } | undefined;

  private constructor(repository: string, tags: Iterable<string>) {
    this.#repository = repository;
    this.#tags = tags;
  }

  /** Starts a double for a repository, `owner/name`, with these tags, which are read anew for each request. */
  static async start(repository: string, tags: Iterable<string>): Promise<ReleasesDouble> {
    const double = new ReleasesDouble(repository, tags);
    double.#server = await serveLoopback((request, response) => double.#answer(request, response));
    return double;
  }

  /** The variables that point `gh` to it. */
  get environment(): Readonly<Record<string, string>> {
    const url = this.#server?.url ?? '';
    // Not `localhost`, which would include all names that end in it.
    return { GH_HOST: host, HTTP_PROXY: url, NO_PROXY: '127.0.0.1', GH_PROMPT_DISABLED: '1' };
  }

  close(): void {
    this.#server?.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET' } = request;
    const url = new URL(request.url ?? '/', `http://api.${host}`);
    const call = { method, url, body: await requestBody(request), response };
    if (url.pathname === '/graphql' || url.pathname === '/api/graphql') return this.#graphql(call);
    const base = `/repos/${this.#repository}/releases`;
    if (method !== 'GET') this.changes.push(`${method} ${url.pathname}${url.search}`);
    const rest = url.pathname.startsWith(base) ? url.pathname.slice(base.length) : undefined;
    if (rest !== undefined && this.#release(call, rest)) return;
    this.unknown.push(`${method} ${url.href}`);
    reply(response, 404, { message: 'Not Found' });
  }

  #release(call: Call, rest: string): boolean {
    const { method, url, body, response } = call;
    const known = (release: DoubledRelease | undefined): true => {
      if (release === undefined) reply(response, 404, { message: 'Not Found' });
      else reply(response, 200, this.#shown(release));
      return true;
    };
    const tag = /^\/tags\/(.+)$/.exec(rest)?.[1];
    if (method === 'GET' && tag !== undefined)
      return known(
        this.releases.find((release) => release.tag === decodeURIComponent(tag) && !release.isDraft),
      );
    if (method === 'GET' && rest === '/latest')
      return known(this.releases.findLast(({ isDraft }) => !isDraft));
    const asset = /^\/assets\/(\d+)\/(.+)$/.exec(rest);
    if (asset !== null) {
      const { assets } = this.#byId(asset[1]) ?? { assets: new Map<string, Buffer>() };
      const name = decodeURIComponent(asset[2] ?? '');
      const bytes = assets.get(name);
      if (method === 'DELETE') assets.delete(name);
      response.writeHead(bytes === undefined ? 404 : 200).end(bytes);
      return true;
    }
    const release = this.#byId(/^\/(\d+)/.exec(rest)?.[1]);
    if (method === 'GET' && /^\/\d+$/.test(rest)) return known(release);
    if (method === 'GET' && /^\/\d+\/assets$/.test(rest) && release !== undefined) {
      reply(response, 200, this.#shown(release).assets);
      return true;
    }
    if (method === 'POST' && rest === '') {
      const { tag_name: name, draft } = JSON.parse(body.toString('utf8')) as {
        tag_name: string;
        draft?: boolean;
      };
      const made = { id: this.releases.length + 1, tag: name, isDraft: draft === true, assets: new Map() };
      this.releases.push(made);
      if (made.isDraft) this.changes.push(`${this.changes.pop()} as a draft`);
      reply(response, 201, this.#shown(made));
      return true;
    }
    if (method === 'POST' && /^\/\d+\/assets$/.test(rest) && release !== undefined) {
      const name = url.searchParams.get('name') ?? '';
      if (release.assets.has(name)) reply(response, 422, { errors: [{ code: 'already_exists' }] });
      else {
        release.assets.set(name, body);
        reply(response, 201, { name });
      }
      return true;
    }
    if (method === 'PATCH' && release !== undefined) {
      const { draft } = JSON.parse(body.toString('utf8')) as { draft?: boolean };
      if (draft !== undefined) release.isDraft = draft;
      return known(release);
    }
    return false;
  }

  /** `gh` asks for the id of a draft, which REST does not find by its tag, and whether a tag is there. */
  #graphql({ body, response }: Call): void {
    const { query, variables } = JSON.parse(body.toString('utf8')) as {
      query: string;
      variables: Readonly<Record<string, string>>;
    };
    reply(response, 200, this.#graphqlAnswer(query, Object.values(variables)));
  }

  #graphqlAnswer(query: string, names: readonly string[]): unknown {
    if (query.includes('release(')) {
      const release = this.releases.find(({ tag }) => names.includes(tag));
      const found = release === undefined ? null : { databaseId: release.id, isDraft: release.isDraft };
      return { data: { repository: { release: found } } };
    }
    if (query.includes('ref(')) {
      const isThere = [...this.#tags].some((tag) =>
        names.some((name) => name.replace(/^refs\/tags\//, '') === tag),
      );
      return { data: { repository: { ref: isThere ? { id: 'REF' } : null } } };
    }
    this.unknown.push(query);
    return { errors: [{ message: 'not doubled' }] };
  }

  #byId(id: string | undefined): DoubledRelease | undefined {
    return this.releases.find((release) => String(release.id) === id);
  }

  #shown({ id, tag, isDraft, assets }: DoubledRelease) {
    const api = `http://api.${host}/repos/${this.#repository}/releases`;
    return {
      id,
      tag_name: tag,
      name: tag,
      draft: isDraft,
      prerelease: false,
      url: `${api}/${id}`,
      html_url: `http://${host}/${this.#repository}/releases/tag/${tag}`,
      upload_url: `${api}/${id}/assets{?name,label}`,
      assets: [...assets].map(([name, bytes]) => ({
        name,
        state: 'uploaded',
        size: bytes.length,
        digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
        url: `${api}/assets/${id}/${encodeURIComponent(name)}`,
      })),
    };
  }
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** Whether `gh`, with which the workflows make releases, is installed. */
export function haveGh(): boolean {
  return serverProgram('gh') !== undefined;
}
