import fs from 'node:fs';
import { dirname } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { type Clock, RemoteError, retrying, systemErrorCode } from '@slipway/core';
import { quoted } from '../key-errors.ts';
import { pathOutside, writeError } from './errors.ts';

const waitMs = 60_000;
const backoff = { leastMs: 1, baseMs: 2, capMs: 25 };
const sqliteBusy = 5;
const lockKey = '.slipway/lock.sqlite';
/** What `link` reports on file systems without hard links. */
const noLinks: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

interface Connection {
  readonly database: DatabaseSync;
  readonly inode: number;
}

/**
 * A lock between processes that the operating system releases when its holder dies, however it dies: the write lock of an
 * SQLite database that stays empty. On a network file system it is as reliable as that system's POSIX locks.
 */
export class FileLock {
  readonly #path: () => string;
  readonly #newPath: (key: string) => string;
  readonly #clock: Clock;
  #connection: Connection | undefined;
  #tail: Promise<unknown> = Promise.resolve();

  /** `path` is called when the lock is first needed, once its directory exists. `newPath` returns a path for creating its file. */
  constructor(path: () => string, newPath: (key: string) => string, clock: Clock) {
    this.#path = path;
    this.#newPath = newPath;
    this.#clock = clock;
  }

  /**
   * Runs `body` while nothing else in this or another process holds the lock. Throws `RemoteError` `contention` after
   * waiting for a minute. `key` is for errors.
   */
  async run<Result>(key: string, body: () => Promise<Result>): Promise<Result> {
    const turn = this.#tail.then(() => this.#runAlone(key, body));
    this.#tail = turn.catch(() => {});
    return turn;
  }

  async #runAlone<Result>(key: string, body: () => Promise<Result>): Promise<Result> {
    const { database } = await this.#acquire(key);
    try {
      return await body();
    } finally {
      database.exec('ROLLBACK');
    }
  }

  async #acquire(key: string): Promise<Connection> {
    return retrying({ clock: this.#clock, deadlineMs: waitMs, backoff }, async () => {
      for (;;) {
        const connection = await this.#connect(key);
        try {
          connection.database.exec('BEGIN IMMEDIATE');
          if (isStillThere(connection, this.#path())) return connection;
        } catch (error) {
          if (sqliteCode(error) === sqliteBusy) throw contention(key);
          this.#close();
          throw lockFailed(error, key);
        }
        // The file was removed and recreated: others lock the new one.
        this.#close();
      }
    });
  }

  async #connect(key: string): Promise<Connection> {
    if (this.#connection !== undefined) return this.#connection;
    const { DatabaseSync } = await import('node:sqlite');
    const path = this.#path();
    const inode = makeLockFile(path, () => this.#newPath(key));
    assertWritable(path);
    try {
      const database = new DatabaseSync(path);
      // Nothing is ever written, so there is nothing to journal, and no journal file is left behind.
      database.exec('PRAGMA journal_mode = MEMORY');
      this.#connection = { database, inode };
      return this.#connection;
    } catch (error) {
      throw lockFailed(error, key);
    }
  }

  #close(): void {
    try {
      this.#connection?.database.close();
    } catch {}
    this.#connection = undefined;
  }
}

/**
 * Creates the lock file if it is missing, and returns its inode. Creates it elsewhere and links it into place: closing
 * any descriptor of a file releases all of this process's POSIX locks on it.
 */
function makeLockFile(path: string, freshPath: () => string): number {
  let stats = fs.lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) {
    const fresh = freshPath();
    fs.closeSync(fs.openSync(fresh, 'wx', 0o666));
    try {
      fs.linkSync(fresh, path);
    } catch (error) {
      // EEXIST: another process was faster. Without hard links, two processes may replace each other's file here;
      // `isStillThere` notices that.
      if (noLinks.has(systemErrorCode(error) ?? '')) fs.renameSync(fresh, path);
      else if (systemErrorCode(error) !== 'EEXIST') throw error;
    } finally {
      fs.rmSync(fresh, { force: true });
    }
    stats = fs.lstatSync(path);
  }
  if (!stats.isFile()) throw pathOutside(lockKey);
  return stats.ino;
}

/** SQLite opens a file it may not write for reading, and then silently locks nothing. */
function assertWritable(path: string): void {
  try {
    // Not by opening it: closing it again would release the locks of this process.
    fs.accessSync(path, fs.constants.R_OK | fs.constants.W_OK);
  } catch (error) {
    throw writeError(error, lockKey, dirname(dirname(path)));
  }
}

function isStillThere(connection: Connection, path: string): boolean {
  return fs.lstatSync(path, { throwIfNoEntry: false })?.ino === connection.inode;
}

function sqliteCode(error: unknown): number | undefined {
  // The low eight bits are the error; the others give details.
  if (error instanceof Error && 'errcode' in error && typeof error.errcode === 'number')
    return error.errcode & 0xff;
  return undefined;
}

function contention(key: string): RemoteError {
  return new RemoteError(
    'contention',
    `Other processes kept the store locked for a minute while ${quoted(key)} waited.`,
    {
      hint: 'Run again later. If it fails again, look for a process that was stopped while publishing.',
      retryable: true,
    },
  );
}

function lockFailed(error: unknown, key: string): RemoteError {
  const text = error instanceof Error ? error.message : String(error);
  return new RemoteError(
    'store-failed',
    `The store's lock cannot be taken to write ${quoted(key)}: ${text}.`,
    {
      hint: 'The file system must support POSIX locks, and .slipway/lock.sqlite must be writable and an empty file.',
      cause: error,
    },
  );
}
