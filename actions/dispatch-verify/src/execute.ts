import type { ObjectStore } from '@slipway/core';
import type { Refusal } from '@slipway/dispatch-payload';
import { claim } from './claims.ts';
import { type FetchPorts, fetchAll } from './fetch.ts';
import type { Plan } from './plan.ts';

export interface Ports extends FetchPorts {
  /** Where ids are remembered; undefined where they are not. */
  readonly store: ObjectStore | undefined;
  /** Where artifacts go; undefined where they are not fetched. */
  readonly directory: string | undefined;
}

/** Carries the plan out. Gives what the message is refused for after all: it was taken before, or an artifact is another. */
export async function execute({ steps }: Plan, ports: Ports): Promise<readonly Refusal[]> {
  const claims = steps.filter((step) => step.kind === 'claim');
  const fetches = steps.filter((step) => step.kind === 'fetch');
  for (const step of claims) {
    const refused = ports.store === undefined ? undefined : await claim(ports.store, step);
    if (refused !== undefined) return [refused];
    ports.progress.info(
      `The message ${step.record.id} is this run's now, and remembered until ${step.record.forgetAt}.`,
    );
  }
  // A message without artifacts leaves an empty directory, so that what follows need not ask.
  return ports.directory === undefined ? [] : fetchAll(fetches, ports.directory, ports);
}
