import { randomUUID } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';

const maxMemoryBytes = 16 * 2 ** 20;
const readBytes = 2 ** 20;

/** Buffers bytes until all of them are known: in memory, and beyond 16 MiB in an unnamed file. */
export class Spool {
  readonly #directory: string;
  readonly #pieces: Uint8Array[] = [];
  #heldBytes = 0;
  #file: { readonly handle: FileHandle; readonly path: string } | undefined;
  #fileBytes = 0;

  constructor(directory: string) {
    this.#directory = directory;
  }

  get sizeBytes(): number {
    return this.#fileBytes + this.#heldBytes;
  }

  async add(piece: Uint8Array): Promise<void> {
    this.#pieces.push(piece);
    this.#heldBytes += piece.length;
    if (this.#heldBytes > maxMemoryBytes) await this.#spill();
  }

  /** Everything that was added, in order. */
  async *bytes(): AsyncGenerator<Uint8Array, void> {
    for (let position = 0; position < this.#fileBytes; ) {
      const buffer = Buffer.allocUnsafeSlow(Math.min(readBytes, this.#fileBytes - position));
      const { bytesRead } = (await this.#file?.handle.read(buffer, 0, buffer.length, position)) ?? {
        bytesRead: 0,
      };
      if (bytesRead === 0) throw new Error('a temporary file was truncated');
      position += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
    yield* this.#pieces;
  }

  /** Releases everything. */
  async close(): Promise<void> {
    this.#pieces.length = 0;
    if (this.#file === undefined) return;
    const { handle, path } = this.#file;
    this.#file = undefined;
    await handle.close();
    await rm(path, { force: true });
  }

  async #spill(): Promise<void> {
    this.#file ??= await openNameless(this.#directory);
    for (const piece of this.#pieces) {
      await this.#file.handle.writeFile(piece);
      this.#fileBytes += piece.length;
    }
    this.#pieces.length = 0;
    this.#heldBytes = 0;
  }
}

/** The file is unlinked immediately if the system allows that for an open file, so that a killed process leaves nothing behind. */
async function openNameless(directory: string): Promise<{ handle: FileHandle; path: string }> {
  const path = join(directory, `.${randomUUID()}.spool`);
  const handle = await open(path, 'wx+', 0o600);
  if (process.platform !== 'win32') await rm(path);
  return { handle, path };
}
