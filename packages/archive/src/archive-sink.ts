import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';

const bufferBytes = 2 ** 18;

/** Writes an archive to a file, in larger pieces than it receives, and hashes it on the way. */
export class ArchiveSink {
  readonly #handle: FileHandle;
  readonly #sha256 = createHash('sha256');
  readonly #buffer = Buffer.allocUnsafeSlow(bufferBytes);
  #buffered = 0;
  #sizeBytes = 0;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** How much was written so far. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#sizeBytes += bytes.length;
    this.#sha256.update(bytes);
    if (this.#buffered + bytes.length > bufferBytes) await this.#flush();
    if (bytes.length > bufferBytes) {
      await this.#handle.writeFile(bytes);
    } else {
      this.#buffer.set(bytes, this.#buffered);
      this.#buffered += bytes.length;
    }
  }

  /** Writes what is still buffered, and returns the SHA-256 of everything. */
  async finish(): Promise<string> {
    await this.#flush();
    return this.#sha256.digest('hex');
  }

  async #flush(): Promise<void> {
    const held = this.#buffer.subarray(0, this.#buffered);
    this.#buffered = 0;
    if (held.length > 0) await this.#handle.writeFile(held);
  }
}
