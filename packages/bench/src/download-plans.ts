import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InternalError } from '@slipway/core';
import { haveMinio } from '@slipway/testkit';
import type { Contender, Measurement } from './measure.ts';
import type { Field, Plan } from './plan.ts';
import { type Command, runProcess } from './process.ts';
import { syncPeers } from './s3-peers.ts';
import { Bench } from './s3-plans.ts';
import { type S3Source, s3Source } from './s3-source.ts';
import type { Workspace } from './workspace.ts';

const platforms = ['linux-x64', 'macos-arm64', 'macos-x64', 'windows-x64'];
const sizeBytes = 100 * 2 ** 20;
const windows = 2;
const objectCount = platforms.length * windows;

type Variant = 'first' | 'again';

/** A program that stores the files of four platforms under the paths of two windows. */
interface Uploader {
  readonly label: string;
  command(source: S3Source, url: string, endpointUrl: string): Command;
}

/** Publishing four platforms, compared with copying their files eight times. */
export function downloadPlans(field: Field): Plan[] {
  if (!haveMinio()) return [];
  const peers = syncPeers().map((peer) => {
    const isAws = peer.name.startsWith('aws');
    return isAws ? awsCopies() : s5cmdCopies(field.workspace);
  });
  return [
    ...peers.map((peer) => downloadPlan(field, peer, 'first')),
    downloadPlan(field, undefined, 'again'),
  ];
}

function downloadPlan({ workspace, slipway }: Field, peer: Uploader | undefined, variant: Variant): Plan {
  const name = `downloads: 4 × 100 MiB, 2 windows, ${variant}`;
  let bench: Bench | undefined;
  return {
    name,
    async prepare(): Promise<Measurement> {
      const source = await s3Source(workspace, platforms.length, sizeBytes);
      const server = await Bench.start();
      bench = server;
      const ours: Uploader = {
        label: 'download-publish',
        command: (from, url, endpointUrl) => slipway.publishDownloads(filesOf(from), url, endpointUrl),
      };
      return {
        name,
        entryCount: objectCount,
        clock: 'wall',
        ours: await contender(server, ours, source, variant),
        peer: peer && (await contender(server, peer, source, variant)),
        aim: undefined,
      };
    },
    finish: async () => bench?.stop(),
  };
}

async function contender(
  server: Bench,
  uploader: Uploader,
  source: S3Source,
  variant: Variant,
): Promise<Contender> {
  const url = `s3://${server.bucket}/${uploader.label.replaceAll(/\W+/g, '-')}`;
  const run = () => runProcess(server.here(uploader.command(source, url, server.endpointUrl)));
  if (variant === 'again') await run();
  return {
    label: uploader.label,
    pieces: 1,
    async prepare() {
      if (variant === 'first') await server.empty(url);
    },
    run,
    async check() {
      const holds = await server.holdings(url);
      if (holds.count !== objectCount || holds.sizeBytes !== objectCount * sizeBytes) {
        throw new InternalError(`${uploader.label} left ${holds.count} objects of ${holds.sizeBytes} bytes`);
      }
    },
  };
}

/** The files with their platforms. */
function filesOf({ directory }: S3Source): readonly { readonly platform: string; readonly path: string }[] {
  return platforms.map((platform, index) => ({
    platform,
    path: join(directory, `part-0/object-${index}.bin`),
  }));
}

/** The copies that a script makes, with the path computed as sites do. */
function copiesOf(source: S3Source, url: string): readonly { readonly from: string; readonly to: string }[] {
  const current = Math.floor(Date.now() / 43_200_000);
  return Array.from({ length: windows }, (_, next) => current + next).flatMap((window) =>
    filesOf(source).map(({ platform, path }) => {
      const hash = execFileSync('openssl', ['dgst', '-sha256', '-r'], {
        input: `a secret of a bench:download-access:${window}:${platform}`,
        encoding: 'utf8',
      }).slice(0, 16);
      return { from: path, to: `${url}/downloads/${window}/${hash}/${platform}/` };
    }),
  );
}

function awsCopies(): Uploader {
  return {
    label: 'aws s3 cp, 8 times',
    command: (source, url, endpointUrl) => {
      const copies = copiesOf(source, url).map(
        ({ from, to }) => `aws --endpoint-url '${endpointUrl}' s3 cp --only-show-errors '${from}' '${to}'`,
      );
      return { program: 'sh', args: ['-e', '-c', copies.join('\n')] };
    },
  };
}

function s5cmdCopies(workspace: Workspace): Uploader {
  return {
    label: 's5cmd run, 8 copies',
    command: (source, url, endpointUrl) => {
      const commands = workspace.path('s5cmd-downloads.txt');
      writeFileSync(
        commands,
        copiesOf(source, url)
          .map(({ from, to }) => `cp ${from} ${to}\n`)
          .join(''),
      );
      return { program: 's5cmd', args: ['--endpoint-url', endpointUrl, '--log', 'error', 'run', commands] };
    },
  };
}
