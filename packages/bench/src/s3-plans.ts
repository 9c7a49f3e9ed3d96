import { InternalError } from '@slipway/core';
import { openStore } from '@slipway/store';
import { haveMinio, type Minio, startMinio } from '@slipway/testkit';
import type { Aim, Contender, Measurement } from './measure.ts';
import type { Field, Plan } from './plan.ts';
import { type Command, runProcess } from './process.ts';
import { type SyncPeer, syncPeers } from './s3-peers.ts';
import { changeOnePercent, type S3Source, s3Source } from './s3-source.ts';

const smallFiles = { count: 10_000, sizeBytes: 20 * 1024 };
const largeFiles = { count: 4, sizeBytes: 2 ** 30 };

/** A program that publishes a directory under a prefix. */
interface Sync {
  readonly label: string;
  command(source: S3Source, url: string): Command;
}

/** One MinIO for both sides of a measurement, with a new bucket for each measurement. */
export class Bench {
  readonly #minio: Minio;
  readonly bucket: string;

  private constructor(minio: Minio, bucket: string) {
    this.#minio = minio;
    this.bucket = bucket;
  }

  static async start(): Promise<Bench> {
    const minio = await startMinio();
    return new Bench(minio, await minio.makeBucket());
  }

  get endpointUrl(): string {
    return this.#minio.endpointUrl;
  }

  /** The command with the environment that it needs for this server. */
  here(command: Command): Command {
    const { accessKeyId, secretAccessKey } = this.#minio.credentials;
    const env = {
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_REGION: this.#minio.settings.region,
    };
    return { ...command, env: { ...command.env, ...env } };
  }

  /** The number and size of published objects under a prefix, without a tool's own objects. */
  async holdings(url: string): Promise<{ readonly count: number; readonly sizeBytes: number }> {
    const store = await this.#open(url);
    let count = 0;
    let sizeBytes = 0;
    for await (const object of store.list('')) {
      if (!object.key.endsWith('.bin')) continue;
      count += 1;
      sizeBytes += object.sizeBytes;
    }
    return { count, sizeBytes };
  }

  async empty(url: string): Promise<void> {
    const store = await this.#open(url);
    const keys: string[] = [];
    for await (const { key } of store.list('')) keys.push(key);
    const left = await store.deleteMany?.(keys);
    if (left?.length !== 0) throw new InternalError(`the bucket cannot be emptied: ${left?.[0]?.reason}`);
  }

  stop(): Promise<void> {
    return this.#minio.stop();
  }

  #open(url: string) {
    const { settings, credentials } = this.#minio;
    return openStore(url, { s3: { settings, credentials: async () => credentials } });
  }
}

type Variant = 'first' | 'unchanged' | 'one percent changed';

/** Publishing directories to S3, compared with today's tools. */
export function s3Plans(field: Field): Plan[] {
  if (!haveMinio()) return [];
  return syncPeers().flatMap((peer) => {
    const faster = (atLeast: number): Aim => ({ kind: 'ratio', atLeast });
    const isAws = peer.name.startsWith('aws');
    return [
      s3Plan(field, peer, smallFiles, 'first', faster(isAws ? 5 : 1)),
      s3Plan(field, peer, largeFiles, 'first', isAws ? undefined : faster(1)),
      s3Plan(field, peer, smallFiles, 'unchanged', faster(3)),
      s3Plan(field, peer, smallFiles, 'one percent changed', faster(3)),
    ];
  });
}

/** Memory with this many small files: first all new, then none changed. */
export function s3MemoryPlans(field: Field, count: number): Plan[] {
  if (!haveMinio()) return [];
  const aim: Aim = { kind: 'peak-rss', belowBytes: 512e6 };
  return (['first', 'unchanged'] as const).map((variant) => ({
    ...s3Plan(field, undefined, { count, sizeBytes: 1024 }, variant, aim),
    maxRuns: 1,
  }));
}

function s3Plan(
  { workspace, slipway }: Field,
  peer: SyncPeer | undefined,
  { count, sizeBytes }: { readonly count: number; readonly sizeBytes: number },
  variant: Variant,
  aim: Aim | undefined,
): Plan {
  const name = `s3: ${count.toLocaleString('en-US')} × ${formatSize(sizeBytes)}, ${variant}`;
  let bench: Bench | undefined;
  return {
    name,
    async prepare(): Promise<Measurement> {
      const source = await s3Source(workspace, count, sizeBytes);
      const server = await Bench.start();
      bench = server;
      const ours: Sync = {
        label: 's3-publish',
        command: (from, url) => slipway.publishDirectory(from.directory, url, server.endpointUrl),
      };
      const theirs: Sync | undefined = peer && {
        label: peer.name,
        command: (from, url) => peer.sync(from.directory, url, server.endpointUrl),
      };
      return {
        name,
        entryCount: count,
        clock: 'wall',
        ours: await contender(server, ours, source, variant),
        peer: theirs && (await contender(server, theirs, source, variant)),
        aim,
      };
    },
    finish: async () => bench?.stop(),
  };
}

let editions = 0;

/** Each side has its own prefix on the same server, with what it has published itself. */
async function contender(server: Bench, sync: Sync, source: S3Source, variant: Variant): Promise<Contender> {
  const url = `s3://${server.bucket}/${sync.label.replaceAll(' ', '-')}`;
  const run = () => runProcess(server.here(sync.command(source, url)));
  if (variant !== 'first') await run();
  return {
    label: sync.label,
    pieces: 1,
    async prepare() {
      if (variant === 'first') await server.empty(url);
      if (variant === 'one percent changed') changeOnePercent(source, editions++);
    },
    run,
    async check() {
      const holds = await server.holdings(url);
      if (holds.count !== source.count || holds.sizeBytes !== source.count * source.sizeBytes) {
        throw new InternalError(`${sync.label} left ${holds.count} objects of ${holds.sizeBytes} bytes`);
      }
    },
  };
}

function formatSize(sizeBytes: number): string {
  return sizeBytes >= 2 ** 30 ? `${sizeBytes / 2 ** 30} GiB` : `${sizeBytes / 1024} KiB`;
}
