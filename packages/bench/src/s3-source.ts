import { createCipheriv, createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Workspace } from './workspace.ts';

const chunkBytes = 8 * 2 ** 20;

/** A directory of files to publish: `count` files of `sizeBytes` incompressible bytes each. */
export interface S3Source {
  readonly directory: string;
  readonly count: number;
  readonly sizeBytes: number;
}

/** Made once and kept; small files are spread over directories, as in releases. */
export async function s3Source(workspace: Workspace, count: number, sizeBytes: number): Promise<S3Source> {
  const directory = workspace.path(`s3-source-${count}x${sizeBytes}`);
  if (!existsSync(directory)) {
    const part = `${directory}.part`;
    rmSync(part, { recursive: true, force: true });
    for (let index = 0; index < count; index += 1) {
      const path = join(part, pathOf(index));
      mkdirSync(join(path, '..'), { recursive: true });
      await writeNoise(path, sizeBytes, `file ${index}`);
    }
    renameSync(part, directory);
  }
  return { directory, count, sizeBytes };
}

/** Changes the bytes of every hundredth file, not its size, differently for each `edition`. */
export function changeOnePercent(source: S3Source, edition: number): void {
  for (let index = 0; index < source.count; index += 100) {
    const path = join(source.directory, pathOf(index));
    writeFileSync(path, noise(`file ${index}, edition ${edition}`).update(Buffer.alloc(source.sizeBytes)));
  }
}

function pathOf(index: number): string {
  return `part-${Math.floor(index / 100)}/object-${index}.bin`;
}

/** An endless pseudorandom stream, the same for the same `name`. */
function noise(name: string): ReturnType<typeof createCipheriv> {
  const key = createHash('sha256').update(name).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
}

async function writeNoise(path: string, sizeBytes: number, name: string): Promise<void> {
  const stream = noise(name);
  const file = await open(path, 'w');
  try {
    for (let leftBytes = sizeBytes; leftBytes > 0; leftBytes -= chunkBytes) {
      await file.write(stream.update(Buffer.alloc(Math.min(leftBytes, chunkBytes))));
    }
  } finally {
    await file.close();
  }
}
