import type { ObjectStore } from '@slipway/core';
import { detectLayout } from '@slipway/mirror';

export interface Observation {
  /** Undefined if it is not a mirror. */
  readonly layout: 'v3' | 'v2' | undefined;
}

export async function observe(store: ObjectStore): Promise<Observation> {
  return { layout: await detectLayout(store) };
}
