import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from './fixtures.ts';
import { freePorts, startServerProcess } from './server-process.ts';
import { serverProgram, serverProgramDirectory } from './server-programs.ts';

const maxAttempts = 3;

export interface VarnishOptions {
  /** `http://127.0.0.1:PORT` of the origin. */
  readonly origin: string;
  /** The status of a missing object: 403 (the default), as for a bucket that the CDN may not list, or 404. */
  readonly missing?: 403 | 404;
  /** How long errors are cached, as CloudFront's `ErrorCachingMinTTL`; 1 by default. */
  readonly errorSeconds?: number;
  /** The header of the origin with cache tags, separated by commas. */
  readonly tagHeader?: string;
  /** The object that stands for a directory, such as `index.html`; none by default. */
  readonly indexDocument?: string;
}

/** A caching proxy that serves an origin as a CDN does. */
export interface Varnish {
  readonly url: string;
  /** Removes from the cache what CloudFront would for these paths and `#tags`, by the requested spelling. */
  ban(paths: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts a real Varnish, of which several may run side by side. It keeps objects as their `Cache-Control` says, for a day
 * without one. Its VCL is compiled by gcc. Throws an `Error` with Varnish's message if it does not start.
 */
export async function startVarnish(options: VarnishOptions): Promise<Varnish> {
  const program = serverProgram('varnishd');
  if (program === undefined) throw new Error('varnishd is not installed');
  const directory = temporaryDirectory('varnish');
  writeFileSync(join(directory, 'cdn.vcl'), configuration(options));
  // Another process may take the port before Varnish does; then another port is tried.
  for (let attempt = 1; ; attempt += 1) {
    const [port = 0] = await freePorts(1);
    try {
      return await launch(program, directory, port);
    } catch (error) {
      if (attempt === maxAttempts || !/in use/i.test(String(error))) throw error;
    }
  }
}

async function launch(program: string, directory: string, port: number): Promise<Varnish> {
  // It was unpacked, not installed, so its libraries are beside it.
  const installed = serverProgramDirectory('varnishd');
  const libraries = ['x86_64-linux-gnu', 'aarch64-linux-gnu'].flatMap((triplet) => [
    join(installed, 'usr/lib', triplet),
    join(installed, 'usr/lib', triplet, 'varnish'),
    join(installed, 'lib', triplet),
  ]);
  const url = `http://127.0.0.1:${port}`;
  const server = await startServerProcess(program, {
    args: [
      ...['-F', '-j', 'none', '-T', 'none'],
      ...['-n', join(directory, String(port))],
      ...['-a', `127.0.0.1:${port}`],
      ...['-f', join(directory, 'cdn.vcl')],
      ...['-t', '86400', '-s', 'malloc,64m'],
      ...['-p', 'thread_pools=1', '-p', 'thread_pool_min=5'],
      ...['-p', `vmod_path=${libraries.map((library) => join(library, 'vmods')).join(':')}`],
    ],
    environment: { LD_LIBRARY_PATH: libraries.join(':') },
    isReady: async () => (await fetch(`${url}/slipway-ready`)).headers.get('x-cdn') === 'varnish',
  });
  return {
    url,
    async ban(paths) {
      for (const path of paths) await ban(url, path);
    },
    stop: () => server.stop(),
  };
}

async function ban(url: string, path: string): Promise<void> {
  const isTag = path.startsWith('#');
  const pattern = isTag ? tagPattern(path.slice(1)) : pathPattern(path);
  const headers = { 'x-ban-field': isTag ? 'x-slipway-tags' : 'x-slipway-path', 'x-ban-pattern': pattern };
  const response = await fetch(url, { method: 'BAN', headers });
  if (!response.ok)
    throw new Error(`Varnish does not ban ${path}: ${response.status} ${response.statusText}`);
}

function pathPattern(path: string): string {
  return path.endsWith('*') ? `^${literal(path.slice(0, -1))}` : `^${literal(path)}$`;
}

function tagPattern(tag: string): string {
  return `(?i)(^|,)[[:space:]]*${literal(tag)}[[:space:]]*(,|$)`;
}

/** As a regular expression without backslashes and quotes, which a ban would interpret itself. */
function literal(text: string): string {
  return text.replace(/[.+*?()[\]{}|$]/g, (character) => `[${character}]`);
}

function configuration(options: VarnishOptions): string {
  const { origin, missing = 403, errorSeconds = 1, tagHeader, indexDocument } = options;
  const { hostname, port } = new URL(origin);
  const tags = tagHeader === undefined ? '' : `set beresp.http.x-slipway-tags = beresp.http.${tagHeader};`;
  const index =
    indexDocument === undefined ? '' : `if (req.url ~ "/$") { set req.url = req.url + "${indexDocument}"; }`;
  return `vcl 4.1;
import std;

backend origin { .host = "${hostname}"; .port = "${port}"; }
acl this_machine { "127.0.0.1"; }

sub vcl_recv {
  if (req.method == "BAN") {
    if (client.ip !~ this_machine) { return (synth(405)); }
    if (std.ban("obj.http." + req.http.x-ban-field + " ~ " + req.http.x-ban-pattern)) { return (synth(200)); }
    return (synth(400, std.ban_error()));
  }
  if (req.url == "/slipway-ready") { return (synth(204)); }
  if (req.method != "GET" && req.method != "HEAD") { return (synth(405)); }
  unset req.http.cookie;
  ${index}
  return (hash);
}

sub vcl_backend_response {
  set beresp.grace = 0s;
  set beresp.http.x-slipway-path = regsub(bereq.url, "[?].*$", "");
  ${tags}
  if (beresp.status == 404) {
    set beresp.status = ${missing};
    set beresp.ttl = ${errorSeconds}s;
    return (deliver);
  }
}

sub vcl_synth { set resp.http.x-cdn = "varnish"; return (deliver); }

sub vcl_deliver {
  unset resp.http.x-slipway-path;
  unset resp.http.x-slipway-tags;
  if (obj.hits > 0) { set resp.http.x-cache = "Hit from varnish"; } else { set resp.http.x-cache = "Miss from varnish"; }
}
`;
}
