import { assertKey, type Clock, keyProblem, UserError } from '@slipway/core';
import { quoted } from '../key-errors.ts';
import type { S3Documents } from './documents.ts';
import type { WriteHistory } from './history.ts';
import type { S3Settings, S3Tuning } from './settings.ts';
import type { S3Wire } from './wire.ts';

/** Shared by the operations of one store. */
export interface S3Context {
  readonly settings: S3Settings;
  readonly tuning: S3Tuning;
  readonly clock: Clock;
  /** Called with what failed and is retried. */
  readonly onRetry: ((error: unknown, waitMs: number) => void) | undefined;
  readonly wire: S3Wire;
  readonly documents: S3Documents;
  readonly keys: S3Keys;
  readonly history: WriteHistory;
}

const maxAwkwardKeys = 100_000;

/**
 * Converts between keys of the store, relative to its prefix, and keys of the bucket. A bucket may contain names that other stores
 * cannot have (`a//b`, `/a`, `../a`): they are listed, so that they can be read and removed, but never written.
 */
export class S3Keys {
  /** Empty, or the prefix with a slash. */
  readonly root: string;
  readonly #awkward = new Set<string>();
  readonly #slashKeys: boolean;

  /** `slashKeys`: objects may have keys that end in a slash, which servers of websites and package indexes read as pages. */
  constructor(prefix: string, slashKeys = false) {
    this.root = prefix === '' ? '' : `${prefix}/`;
    this.#slashKeys = slashKeys;
  }

  /**
   * The bucket's key of an object to write. Throws `UserError` `name-invalid` unless every store accepts the key, or it is a slash
   * key and these are allowed.
   */
  toWrite(key: string): string {
    assertKey(this.#slashKeys && key.endsWith('/') ? key.slice(0, -1) : key);
    const s3Key = this.root + key;
    if (Buffer.byteLength(s3Key) > 1024) {
      throw new UserError(
        'name-invalid',
        `${quoted(key)} is too long: with the prefix it has over 1,024 bytes.`,
      );
    }
    return s3Key;
  }

  /** The bucket's key of an existing object: any that a listing returned. Throws `UserError` `name-invalid` for others. */
  toUse(key: string): string {
    return this.#awkward.has(key) ? this.root + key : this.toWrite(key);
  }

  /** The store's key of a listed object; undefined for one outside the prefix, and for the prefix's own folder marker. */
  listed(s3Key: string): string | undefined {
    if (!s3Key.startsWith(this.root) || s3Key === this.root) return undefined;
    const key = s3Key.slice(this.root.length);
    if (keyProblem(key) !== undefined) {
      if (this.#awkward.size >= maxAwkwardKeys) {
        throw new UserError(
          'too-large',
          `More than ${maxAwkwardKeys} names below the prefix are not valid paths.`,
          { hint: 'Is this the right prefix? Names with empty segments or "..", for example, are counted.' },
        );
      }
      this.#awkward.add(key);
    }
    return key;
  }
}
