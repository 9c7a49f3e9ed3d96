import type { ObjectStore } from '@slipway/core';
import type { ActionContext } from '@slipway/runner';
import type { Addresses } from './addresses.ts';
import type { CacheRules } from './headers.ts';
import type { Inputs } from './inputs.ts';
import type { ReleaseFile } from './release-files.ts';

/** What every operation on a destination needs. */
export interface Operation {
  readonly given: Inputs;
  readonly rules: CacheRules;
  readonly context: ActionContext;
  readonly store: ObjectStore;
}

/** What the operations on the files of a release need. */
export interface FileOperation extends Operation {
  readonly files: readonly ReleaseFile[];
  readonly addresses: Addresses;
}
