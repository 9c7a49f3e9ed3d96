const blockBytes = 512;
const maxNameBytes = 100;

/** A file of a tar archive; a `path` that ends in `/` is a directory. */
export interface TarMember {
  readonly path: string;
  readonly body?: Uint8Array;
  readonly executable?: boolean;
}

/** A POSIX ustar archive of these members, with no owner and no time, as Spack makes its tarballs reproducible. */
export function tarArchive(members: readonly TarMember[]): Buffer {
  const blocks: Uint8Array[] = [];
  for (const { path, body = new Uint8Array(), executable = false } of members) {
    blocks.push(header(path, body.length, executable), body);
    const rest = body.length % blockBytes;
    if (rest > 0) blocks.push(Buffer.alloc(blockBytes - rest));
  }
  blocks.push(Buffer.alloc(2 * blockBytes));
  return Buffer.concat(blocks);
}

function header(path: string, sizeBytes: number, executable: boolean): Buffer {
  const directory = path.endsWith('/');
  const block = Buffer.alloc(blockBytes);
  const { prefix, name } = splitPath(path);
  const octal = (value: number, offset: number, digits: number): void => {
    block.write(value.toString(8).padStart(digits, '0'), offset, 'latin1');
  };
  block.write(name, 0, 'latin1');
  octal(directory || executable ? 0o755 : 0o644, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(sizeBytes, 124, 11);
  octal(0, 136, 11);
  block.write(directory ? '5' : '0', 156, 'latin1');
  block.write('ustar\u000000', 257, 'latin1');
  block.write(prefix, 345, 'latin1');
  // The checksum is taken with its own field full of spaces.
  block.fill(' ', 148, 156);
  octal(
    block.reduce((sum, byte) => sum + byte, 0),
    148,
    6,
  );
  block[154] = 0;
  return block;
}

/** Names over 100 bytes are cut at a `/`, the front part going into the header's prefix. */
function splitPath(path: string): { readonly prefix: string; readonly name: string } {
  if (path.length <= maxNameBytes) return { prefix: '', name: path };
  const cut = path.indexOf('/', path.length - maxNameBytes - 1);
  return { prefix: path.slice(0, cut), name: path.slice(cut + 1) };
}
