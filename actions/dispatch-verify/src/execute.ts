import { asSlipwayError, type ObjectStore } from '@slipway/core';
import type { Refusal } from '@slipway/dispatch-payload';
import { claim, wouldRefuse } from './claims.ts';
import { type FetchPorts, fetchAll } from './fetch.ts';
import type { Finding } from './notices.ts';
import type { ForgetStep, Plan } from './plan.ts';

export interface Ports extends FetchPorts {
  /** Where ids are remembered; undefined where they are not. */
  readonly store: ObjectStore | undefined;
  /** Where artifacts go; undefined where they are not fetched. */
  readonly directory: string | undefined;
}

export interface Result {
  /** Why the message is refused after all: it was taken before, or an artifact is not what it must be. */
  readonly refusals: readonly Refusal[];
  readonly notices: readonly Finding[];
}

/**
 * Carries the plan out. The id is claimed when everything is fetched and right, and the files get their names only after that:
 * what fails before can be tried again by any run, and a refused message leaves no files.
 */
export async function execute({ steps }: Plan, ports: Ports): Promise<Result> {
  const claims = steps.filter((step) => step.kind === 'claim');
  const fetches = steps.filter((step) => step.kind === 'fetch');
  const forgets = steps.filter((step) => step.kind === 'forget');
  const { store, directory } = ports;
  // Checked first too, so that nothing is fetched for a message that was taken before.
  for (const step of claims) {
    const refused = store === undefined ? undefined : await wouldRefuse(store, step);
    if (refused !== undefined) return { refusals: [refused], notices: [] };
  }
  const notices = store === undefined ? [] : await forget(forgets, store);
  const claimAll = async (): Promise<readonly Refusal[]> => {
    for (const step of claims) {
      const refused = store === undefined ? undefined : await claim(store, step);
      if (refused !== undefined) return [refused];
      ports.progress.info(
        `This run has taken the message ${step.record.id}, which is remembered until ${step.record.forgetAt}.`,
      );
    }
    return [];
  };
  // A message without artifacts leaves an empty directory, so that later steps need not check for one.
  const refusals =
    directory === undefined ? await claimAll() : await fetchAll(fetches, directory, ports, claimAll);
  return { refusals, notices };
}

/** A message that is accepted is not refused because old ids cannot be forgotten. */
async function forget(steps: readonly ForgetStep[], store: ObjectStore): Promise<readonly Finding[]> {
  try {
    for (const { key } of steps) await store.delete(key);
    return [];
  } catch (error) {
    return [notForgotten(error)];
  }
}

export function notForgotten(error: unknown): Finding {
  const { message } = asSlipwayError(error);
  return { code: 'not-forgotten', severity: 'notice', message: `Old ids are not forgotten: ${message}` };
}
