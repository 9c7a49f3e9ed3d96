import fs from 'node:fs';
import { promisify } from 'node:util';

type Now<Value> = Value | Promise<Value>;

/**
 * The system calls of small operations, in two variants. Blocking calls read a file on a local disk in about 6 µs, the thread pool
 * takes 25 µs (Node 24, 8 KiB, cached). On a network file system each call is a round trip, and only the pool runs many at once.
 */
export interface FileCalls {
  open(path: string, flags: number, mode?: number): Now<number>;
  fstat(descriptor: number): Now<fs.Stats>;
  lstat(path: string): Now<fs.Stats>;
  read(descriptor: number, into: Uint8Array, offset: number, length: number): Now<number>;
  write(descriptor: number, from: Uint8Array, offset: number): Now<number>;
  close(descriptor: number): Now<void>;
  link(from: string, to: string): Now<void>;
  unlink(path: string): Now<void>;
  readdir(path: string): Now<fs.Dirent[]>;
}

export const blockingCalls: FileCalls = {
  open: fs.openSync,
  fstat: (descriptor) => fs.fstatSync(descriptor),
  lstat: (path) => fs.lstatSync(path),
  read: (descriptor, into, offset, length) => fs.readSync(descriptor, into, offset, length, null),
  write: (descriptor, from, offset) => fs.writeSync(descriptor, from, offset),
  close: fs.closeSync,
  link: fs.linkSync,
  unlink: fs.unlinkSync,
  readdir: (path) => fs.readdirSync(path, { withFileTypes: true }),
};

const openInPool: (path: string, flags: number, mode?: number) => Promise<number> = promisify(fs.open);
const fstatInPool: (descriptor: number) => Promise<fs.Stats> = promisify(fs.fstat);

export const pooledCalls: FileCalls = {
  open: openInPool,
  fstat: fstatInPool,
  lstat: (path) => fs.promises.lstat(path),
  read: (descriptor, into, offset, length) =>
    new Promise((resolve, reject) => {
      fs.read(descriptor, into, offset, length, null, (error, count) => {
        if (error) reject(error);
        else resolve(count);
      });
    }),
  write: (descriptor, from, offset) =>
    new Promise((resolve, reject) => {
      fs.write(descriptor, from, offset, (error, count) => {
        if (error) reject(error);
        else resolve(count);
      });
    }),
  close: promisify(fs.close),
  link: (from, to) => fs.promises.link(from, to),
  unlink: (path) => fs.promises.unlink(path),
  readdir: (path) => fs.promises.readdir(path, { withFileTypes: true }),
};

const readInPool = promisify(fs.read);

/** Reads from a place in an open file, through the pool. Returns the number of bytes. */
export async function readAt(
  descriptor: number,
  into: Uint8Array,
  offset: number,
  startByte: number,
): Promise<number> {
  return (await readInPool(descriptor, into, offset, into.length - offset, startByte)).bytesRead;
}

/** Always through the pool: waiting for the disk takes most of the time, and many writers share a flush. */
export const fsync: (descriptor: number) => Promise<void> = promisify(fs.fsync);

/** `statfs(2)` types of file systems on a local disk or in memory. */
const localFileSystems: ReadonlySet<number> = new Set([
  0xef53, // ext2, ext3, ext4
  0x58465342, // XFS
  0x9123683e, // Btrfs
  0x2fc12fc1, // ZFS
  0xf2f52010, // F2FS
  0x794c7630, // overlayfs
  0x01021994, // tmpfs
]);

/** Blocking calls if `directory` is known to be local, pooled ones otherwise. */
export function callsFor(directory: string): FileCalls {
  // statfs returns the type as a signed number on some platforms.
  return localFileSystems.has(fs.statfsSync(directory).type >>> 0) ? blockingCalls : pooledCalls;
}
