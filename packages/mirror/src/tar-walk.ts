import {
  blockBytes,
  type ExtensionKind,
  type Extensions,
  parseHeader,
  readExtension,
  TarballFault,
  type TarEntry,
  unsupported,
} from './tar-header.ts';

/** Longer than any path that an operating system accepts. */
const maxExtensionBytes = 64 * 1024;
const zeroBlock = Buffer.alloc(blockBytes);
const nothing = Buffer.alloc(0);

/** Receives what the walk finds. */
export interface TarVisitor {
  /** Returns whether `content` should get the file's bytes. May throw `TarballFault`. */
  entry(entry: TarEntry): boolean;
  content(bytes: Buffer): void;
}

interface Body {
  readonly of: ExtensionKind | 'wanted' | 'unwanted';
  leftBytes: number;
  readonly chunks: Buffer[];
}

/**
 * Walks a tar that arrives in pieces, keeping only the current header. Like Python, it treats the first block of zeros
 * as the end; data after it is refused, because other readers continue there.
 */
export class TarWalk {
  readonly #visitor: TarVisitor;
  /** The beginning of a block that was split between two pieces. */
  #partial: Buffer = nothing;
  #extensions: Extensions = {};
  #body: Body | undefined;
  #paddingBytes = 0;
  #ended = false;

  constructor(visitor: TarVisitor) {
    this.#visitor = visitor;
  }

  /** Throws `TarballFault`; push nothing after that. */
  push(chunk: Buffer): void {
    let position = 0;
    while (position < chunk.length) {
      if (this.#body !== undefined) position = this.#passBody(this.#body, chunk, position);
      else if (this.#paddingBytes > 0) {
        const passed = Math.min(this.#paddingBytes, chunk.length - position);
        this.#paddingBytes -= passed;
        position += passed;
      } else position = this.#passBlock(chunk, position);
    }
  }

  /** Throws `TarballFault` if the archive has not ended. */
  end(): void {
    if (!this.#ended || this.#partial.length > 0)
      throw new TarballFault('tarball-unreadable', 'it cannot be unpacked: its tar archive is cut off');
  }

  #passBlock(chunk: Buffer, position: number): number {
    const missing = blockBytes - this.#partial.length;
    const available = chunk.length - position;
    if (available < missing) {
      this.#partial = Buffer.concat([this.#partial, chunk.subarray(position)]);
      return chunk.length;
    }
    const piece = chunk.subarray(position, position + missing);
    const block = missing === blockBytes ? piece : Buffer.concat([this.#partial, piece]);
    this.#partial = nothing;
    this.#readBlock(block);
    return position + missing;
  }

  #readBlock(block: Buffer): void {
    const isZero = block[0] === 0 && block.equals(zeroBlock);
    if (this.#ended) {
      if (isZero) return;
      throw new TarballFault(
        'tarball-trailing-data',
        'it has data after the end of the archive, where Spack stops reading',
      );
    }
    if (isZero) {
      if (Object.keys(this.#extensions).length > 0) throw unsupported('a name without an entry');
      this.#ended = true;
      return;
    }
    const header = parseHeader(block, this.#extensions);
    if (header.kind === 'extension') {
      if (header.sizeBytes === 0 || header.sizeBytes > maxExtensionBytes)
        throw unsupported(`a name of ${header.sizeBytes} bytes`);
      this.#expectBody(header.extension, header.sizeBytes);
      return;
    }
    this.#extensions = {};
    const isWanted = this.#visitor.entry(header.entry);
    this.#expectBody(isWanted ? 'wanted' : 'unwanted', header.entry.sizeBytes);
  }

  #expectBody(of: Body['of'], sizeBytes: number): void {
    if (sizeBytes === 0) return;
    this.#body = { of, leftBytes: sizeBytes, chunks: [] };
    this.#paddingBytes = (blockBytes - (sizeBytes % blockBytes)) % blockBytes;
  }

  #passBody(body: Body, chunk: Buffer, position: number): number {
    const passed = Math.min(body.leftBytes, chunk.length - position);
    body.leftBytes -= passed;
    if (body.of !== 'unwanted') {
      const bytes = chunk.subarray(position, position + passed);
      if (body.of === 'wanted') this.#visitor.content(bytes);
      // The stream may reuse its buffers after this call.
      else body.chunks.push(Buffer.from(bytes));
    }
    if (body.leftBytes === 0) {
      this.#body = undefined;
      if (body.of !== 'wanted' && body.of !== 'unwanted')
        readExtension(body.of, Buffer.concat(body.chunks), this.#extensions);
    }
    return position + passed;
  }
}
