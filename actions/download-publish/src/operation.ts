import type { ActionContext } from '@slipway/runner';
import type { WindowRules } from './clocks.ts';
import type { Inputs } from './inputs.ts';

/** What every operation is given. */
export interface Operation {
  readonly given: Inputs;
  readonly rules: WindowRules;
  readonly context: ActionContext;
}
