import { createCipheriv } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { readArchive } from '@slipway/archive';
import { InternalError } from '@slipway/core';
import type { Contender, Measurement } from './measure.ts';
import { type PackPeer, packPeers } from './pack-peers.ts';
import type { Field, Plan } from './plan.ts';
import { runProcess } from './process.ts';
import type { Workspace } from './workspace.ts';

const mib = 2 ** 20;
const chunkBytes = 4 * mib;
const directoryName = 'release';
/** A program of 640 MiB, eight texts, and four incompressible files, such as pictures: 1 GiB. */
const shape = { programBytes: 640 * mib, texts: 8, noises: 4, othersBytes: 32 * mib };
const fileCount = 1 + shape.texts + shape.noises;

/** Packing 1 GiB, compared with today's tools. Slipway also reads the archive back and checks it. */
export function packPlans(field: Field): Plan[] {
  return packPeers().flatMap((peer) => peer.levels.map((levels) => packPlan(field, peer, levels)));
}

function packPlan(
  { workspace, slipway }: Field,
  peer: PackPeer,
  { theirs, ours }: PackPeer['levels'][number],
): Plan {
  const name = `pack 1 GiB: level ${ours}, ${peer.name} at ${theirs}`;
  return {
    name,
    async prepare(): Promise<Measurement> {
      const parent = releaseSource(workspace);
      const output = workspace.path('packed');
      mkdirSync(output, { recursive: true });
      const [ourArchive, theirArchive] = [join(output, 'slipway.zip'), join(output, 'peer.zip')];
      const packing = (label: string, archive: string, run: Contender['run']): Contender => ({
        label,
        pieces: 1,
        prepare: () => rmSync(archive, { force: true }),
        run,
        async check() {
          const limits = { maxEntries: fileCount + 1, maxTotalBytes: 2 ** 30 };
          const files = (await readArchive(archive, limits)).filter(({ kind }) => kind === 'file');
          const total = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
          if (files.length !== fileCount || total !== 2 ** 30)
            throw new InternalError(`${label} packed ${files.length} files of ${total} bytes`);
        },
        resultBytes: () => statSync(archive).size,
      });
      const directory = join(parent, directoryName);
      return {
        name,
        entryCount: fileCount,
        clock: 'wall',
        ours: packing(`archive-pack, level ${ours}`, ourArchive, () =>
          runProcess(slipway.pack(directory, 'slipway.zip', output, ours)),
        ),
        peer: packing(`${peer.name} at ${theirs}`, theirArchive, () =>
          runProcess(peer.pack(parent, directoryName, theirArchive, theirs)),
        ),
        aim: undefined,
      };
    },
  };
}

/** The directory that contains the release; made once and kept. */
function releaseSource(workspace: Workspace): string {
  const parent = workspace.path('pack-source');
  if (existsSync(parent)) return parent;
  const part = `${parent}.part`;
  rmSync(part, { recursive: true, force: true });
  const directory = join(part, directoryName);
  mkdirSync(directory, { recursive: true });
  const program = readFileSync(process.execPath);
  write(join(directory, 'program'), shape.programBytes, (at) => pieceOf(program, at));
  for (let index = 0; index < shape.texts; index += 1)
    write(join(directory, `text-${index}.json`), shape.othersBytes, (at) => textPiece(index, at));
  for (let index = 0; index < shape.noises; index += 1)
    write(join(directory, `picture-${index}.bin`), shape.othersBytes, (at) =>
      noise(`${index} ${at}`, chunkBytes),
    );
  renameSync(part, parent);
  return parent;
}

function write(path: string, sizeBytes: number, piece: (at: number) => Buffer): void {
  const file = openSync(path, 'w');
  for (let at = 0; at < sizeBytes; at += chunkBytes) writeSync(file, piece(at).subarray(0, sizeBytes - at));
  closeSync(file);
}

/** Real machine code, repeated from its beginning: further back than a zip can refer. */
function pieceOf(program: Buffer, at: number): Buffer {
  const start = at % (program.length - chunkBytes);
  return program.subarray(start, start + chunkBytes);
}

/** Lines of JSON with different numbers. */
function textPiece(index: number, at: number): Buffer {
  const random = noise(`text ${index} ${at}`, chunkBytes / 8);
  const lines: string[] = [];
  let length = 0;
  for (let line = 0; length < chunkBytes; line += 1) {
    const value = random.readUInt32LE((line * 4) % (random.length - 4));
    const text = `{"id":${at + line},"name":"entry-${value % 5000}","value":${value},"active":${value % 2 === 0}}\n`;
    lines.push(text);
    length += text.length;
  }
  return Buffer.from(lines.join('')).subarray(0, chunkBytes);
}

/** Pseudorandom bytes, the same for the same name. */
function noise(name: string, sizeBytes: number): Buffer {
  const key = Buffer.from(name.padEnd(32));
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(sizeBytes));
}
