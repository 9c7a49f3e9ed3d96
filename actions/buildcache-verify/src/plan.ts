/** Verifying changes nothing, so its plan only says what is looked at. */
export interface Plan {
  readonly steps: readonly Step[];
}

export type Step =
  | { readonly kind: 'audit-layout-v3'; readonly level: 'metadata' | 'full' }
  | { readonly kind: 'audit-layout-v2'; readonly level: 'metadata' | 'full' };

/** The audit that fits the layout; what has neither layout is audited, and refused, as the present one. */
export function plan(layout: 'v3' | 'v2' | undefined, level: 'metadata' | 'full'): Plan {
  return { steps: [{ kind: layout === 'v2' ? 'audit-layout-v2' : 'audit-layout-v3', level }] };
}
