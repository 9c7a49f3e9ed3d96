import type { Observation } from './observe.ts';

/** Verifying changes nothing, so the plan only says what is audited. */
export interface Plan {
  readonly steps: readonly [Step];
}

export interface Step {
  readonly kind: 'audit-layout-v3' | 'audit-layout-v2';
  readonly level: 'metadata' | 'full';
}

/** The audit for the layout. Without a layout, it is audited, and refused, as layout v3. */
export function plan({ layout }: Observation, level: Step['level']): Plan {
  return { steps: [{ kind: layout === 'v2' ? 'audit-layout-v2' : 'audit-layout-v3', level }] };
}
