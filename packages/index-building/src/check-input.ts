import type { Clock, ObjectStore, ProgressPort } from '@slipway/core';
import type { IndexFinding } from '@slipway/simple-index';
import type { CheckHttp } from './check-http.ts';
import type { CheckLimits } from './check-reader.ts';

/** Which files are read whole: all of them, or some that depend on `seed` alone. */
export type FileSample = 'all' | { readonly count: number; readonly seed: string };

export interface CheckInput {
  readonly index:
    | {
        readonly kind: 'store';
        readonly store: ObjectStore;
        /** Where the store is served, if links begin with it. */
        readonly baseUrl?: string | undefined;
      }
    | {
        readonly kind: 'url';
        /** `http:` or `https:`, without user name, query and fragment. */
        readonly url: string;
        /** Secret ones too: they go to the origin of the URL alone. Names in lower case. */
        readonly headers?: Readonly<Record<string, string>> | undefined;
      };
  /** Needed for a URL; of a store, it follows links that lead out of it. */
  readonly http?: CheckHttp | undefined;
  readonly clock: Clock;
  readonly progress: ProgressPort;
}

export interface CheckOptions {
  /** Directories that have a page which lists projects, such as `whl/cu118`; empty for the root, which is the default. */
  readonly directories?: readonly string[] | undefined;
  /** 20 files by default. */
  readonly sample?: FileSample | undefined;
  /** Origins in this machine's network that pages may lead to. */
  readonly internalOrigins?: readonly string[] | undefined;
  readonly limits?: Partial<CheckLimits> | undefined;
  /** How many pages or files are asked for at once; 16 by default. */
  readonly concurrency?: number | undefined;
}

/** What a check found. Plain JSON. */
export interface CheckResult {
  /** At most 1,000 of each code. Keys are paths below the index, or URLs elsewhere without query. */
  readonly findings: readonly IndexFinding[];
  /** How many there are of each code. */
  readonly counts: Readonly<Record<string, number>>;
  /** False if a limit ended it. */
  readonly isComplete: boolean;
  readonly directories: number;
  readonly projects: number;
  /** Pages that were read, each format counted. */
  readonly pages: number;
  /** Files that pages link to. */
  readonly files: number;
  /** Of these, how many are there. */
  readonly filesFound: number;
  /** Files that were read whole. */
  readonly filesRead: number;
  readonly metadataRead: number;
  readonly requests: number;
  readonly bytesRead: number;
}
