import { createHash } from 'node:crypto';
import { type Clock, type ObjectStore, RemoteError, systemClock } from '@slipway/core';
import {
  type IndexConfiguration,
  mayBePage,
  parseConfiguration,
  parseProjectPage,
  parseRootPage,
} from '@slipway/simple-index';

const maxBytes = 2 ** 26;

export function configurationOf(prefixes: readonly object[], rest: object = {}): IndexConfiguration {
  const result = parseConfiguration({ format: 1, prefixes, ...rest });
  if ('problems' in result) throw new Error(result.problems.join('\n'));
  return result.configuration;
}

export const subdirectories = { match: ['cu[0-9]*', 'cpu'] };
export const wheelName = (project: string, version = '1.0') => `${project}-${version}-py3-none-any.whl`;

/** Time passes only when somebody sleeps. */
export const quickClock: Clock = {
  ...systemClock,
  sleep: () => new Promise((resolve) => setTimeout(resolve, 1)),
};

export async function put(
  store: ObjectStore,
  key: string,
  content: string | Uint8Array = key,
  metadata?: Readonly<Record<string, string>>,
): Promise<string> {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  const { etag } = await store.write(
    key,
    { kind: 'bytes', bytes },
    {
      condition: 'any',
      contentType: 'application/octet-stream',
      cache: 'document',
      sha256: createHash('sha256').update(bytes).digest('hex'),
      headers: metadata === undefined ? {} : { metadata },
    },
  );
  return etag;
}

export async function textOf(store: ObjectStore, key: string): Promise<string | undefined> {
  const stored = await store.read(key, { maxBytes });
  return stored && Buffer.from(stored.body).toString();
}

/** Every page of a store, by key. */
export async function pagesOf(store: ObjectStore): Promise<Readonly<Record<string, string>>> {
  const pages: Record<string, string> = {};
  const keys: string[] = [];
  for await (const { key } of store.list('')) if (mayBePage(key)) keys.push(key);
  for (const key of keys.sort()) pages[key] = (await textOf(store, key)) ?? '';
  return pages;
}

/** What is wrong with an index: a link to a file or to a page that is not there. */
export async function brokenLinks(store: ObjectStore): Promise<readonly string[]> {
  const keys = new Set<string>();
  for await (const { key } of store.list('')) keys.add(key);
  const broken: string[] = [];
  for (const [key, text] of Object.entries(await pagesOf(store))) {
    if (!key.endsWith('/index.html')) continue;
    const url = `https://index.example/${key.slice(0, -'index.html'.length)}`;
    const source = { url, format: 'html', bytes: Buffer.from(text) } as const;
    for (const { url: link } of parseProjectPage(source).page?.files ?? []) {
      const target = decodeURIComponent(new URL(link).pathname.slice(1));
      if (target.endsWith('.whl') && !keys.has(target)) broken.push(`${key}: ${target}`);
    }
    const directory = key.slice(0, -'index.html'.length);
    if (!isRoot(text)) continue;
    for (const project of parseRootPage(source).page?.projects ?? []) {
      if (!keys.has(`${directory}${project}/index.html`)) broken.push(`${key}: ${project}/`);
    }
  }
  return broken;
}

function isRoot(html: string): boolean {
  return !html.includes('.whl');
}

export type StoreCall = 'head' | 'read' | 'readStream' | 'readRange' | 'list' | 'write' | 'delete';

/** A store that calls `before` before every call, which may wait, change something or throw. */
export function watchedStore(
  store: ObjectStore,
  before: (call: StoreCall, key: string) => void | Promise<void>,
): ObjectStore {
  const { readRange, nowMs, fileSource } = store;
  return {
    url: store.url,
    writable: store.writable,
    listable: store.listable,
    async head(key, options) {
      await before('head', key);
      return store.head(key, options);
    },
    async read(key, options) {
      await before('read', key);
      return store.read(key, options);
    },
    async readStream(key, options) {
      await before('readStream', key);
      return store.readStream(key, options);
    },
    async *list(prefix, options) {
      await before('list', prefix);
      yield* store.list(prefix, options);
    },
    async write(key, source, options) {
      await before('write', key);
      return store.write(key, source, options);
    },
    async delete(key) {
      await before('delete', key);
      return store.delete(key);
    },
    ...(readRange && {
      async readRange(key, range) {
        await before('readRange', key);
        return readRange.call(store, key, range);
      },
    }),
    ...(nowMs && { nowMs: () => nowMs.call(store) }),
    ...(fileSource && { fileSource: (key) => fileSource.call(store, key) }),
  };
}

/** A store that refuses some calls, as one does whose rights are too few. */
export function refusingStore(
  store: ObjectStore,
  isRefused: (call: StoreCall, key: string) => boolean,
): ObjectStore {
  return watchedStore(store, (call, key) => {
    if (isRefused(call, key)) throw new RemoteError('access-denied', `${call} ${key} is refused`);
  });
}
