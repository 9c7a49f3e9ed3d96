import type { ActionContext } from '@slipway/runner';
import type { CacheRules } from './headers.ts';
import type { Inputs } from './inputs.ts';

/** What every operation is given. */
export interface Operation {
  readonly given: Inputs;
  readonly rules: CacheRules;
  readonly context: ActionContext;
}
