import { hash as hashOnce } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';

/** A directory served on a loopback port. */
export interface DirectoryServer {
  readonly url: string;
  /** Requested paths, with the method: `GET /v3/layout.json`. */
  readonly requests: readonly string[];
  /** Answers for `path` instead of the file there, as a cache that holds an old copy would. */
  pin(path: string, body: Uint8Array): void;
  close(): void;
}

/**
 * Serves the files of `directory` as a web server in front of a mirror does: no listing, 404 for what is missing, and
 * strong ETags unless they are switched off.
 */
export async function serveDirectory(
  directory: string,
  options: { readonly etags: boolean } = { etags: true },
): Promise<DirectoryServer> {
  const requests: string[] = [];
  const pinned = new Map<string, Uint8Array>();
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname);
    requests.push(`${request.method} ${path}`);
    const body = pinned.get(path) ?? (await readFile(join(directory, path)).catch(() => undefined));
    if (body === undefined) response.writeHead(404).end('not found');
    else {
      const etag = options.etags ? { etag: `"${hashOnce('sha256', body)}"` } : {};
      response.writeHead(200, { 'content-length': body.length, ...etag });
      response.end(request.method === 'HEAD' ? undefined : body);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    requests,
    pin: (path, body) => void pinned.set(path, body),
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
