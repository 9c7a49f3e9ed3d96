import type { ObjectStore } from '@slipway/core';
import type { Refusal } from '@slipway/dispatch-payload';
import { claim, wouldRefuse } from './claims.ts';
import { type FetchPorts, fetchAll } from './fetch.ts';
import type { Plan } from './plan.ts';

export interface Ports extends FetchPorts {
  /** Where ids are remembered; undefined where they are not. */
  readonly store: ObjectStore | undefined;
  /** Where artifacts go; undefined where they are not fetched. */
  readonly directory: string | undefined;
}

/**
 * Carries the plan out. Gives what the message is refused for after all: it was taken before, or an artifact is another. The id is
 * claimed when everything is fetched and right, and the files get their names only when it is: what fails before can be tried
 * again, by any run, and what is refused leaves nothing.
 */
export async function execute({ steps }: Plan, ports: Ports): Promise<readonly Refusal[]> {
  const claims = steps.filter((step) => step.kind === 'claim');
  const fetches = steps.filter((step) => step.kind === 'fetch');
  const { store, directory } = ports;
  // Looked at first too, so that what was taken before is not fetched for nothing.
  for (const step of claims) {
    const refused = store === undefined ? undefined : await wouldRefuse(store, step);
    if (refused !== undefined) return [refused];
  }
  const claimAll = async (): Promise<readonly Refusal[]> => {
    for (const step of claims) {
      const refused = store === undefined ? undefined : await claim(store, step);
      if (refused !== undefined) return [refused];
      ports.progress.info(
        `The message ${step.record.id} is this run's now, and remembered until ${step.record.forgetAt}.`,
      );
    }
    return [];
  };
  // A message without artifacts leaves an empty directory, so that what follows need not ask.
  return directory === undefined ? claimAll() : fetchAll(fetches, directory, ports, claimAll);
}
