import type { ObjectStore } from '@slipway/core';
import { detectLayout } from '@slipway/mirror';

/** What decides how a mirror is audited. */
export interface Observation {
  /** Undefined for something that is not a mirror. */
  readonly layout: 'v3' | 'v2' | undefined;
}

export async function observe(store: ObjectStore): Promise<Observation> {
  return { layout: await detectLayout(store) };
}
