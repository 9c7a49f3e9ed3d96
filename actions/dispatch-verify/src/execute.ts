import { asSlipwayError, type ObjectStore } from '@slipway/core';
import type { Refusal } from '@slipway/dispatch-payload';
import { claim, wouldRefuse } from './claims.ts';
import { type FetchPorts, fetchAll } from './fetch.ts';
import type { Finding } from './notices.ts';
import type { ForgetStep, Plan } from './plan.ts';

export interface Ports extends FetchPorts {
  /** Where ids are recorded; undefined if they are not. */
  readonly store: ObjectStore | undefined;
  /** Where artifacts are fetched to; undefined if they are not. */
  readonly directory: string | undefined;
}

export interface Result {
  /** Why the message is refused after all: it was already claimed, or an artifact is wrong. */
  readonly refusals: readonly Refusal[];
  readonly notices: readonly Finding[];
}

/**
 * Carries the plan out. The id is claimed once everything is fetched and correct, and only then do the files get their names: any
 * run can retry what failed before that, and a refused message leaves no files.
 */
export async function execute({ steps }: Plan, ports: Ports): Promise<Result> {
  const claims = steps.filter((step) => step.kind === 'claim');
  const fetches = steps.filter((step) => step.kind === 'fetch');
  const forgets = steps.filter((step) => step.kind === 'forget');
  const { store, directory } = ports;
  // Also checked first, so that nothing is fetched for a message that was already claimed.
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
        `This run claimed the message ${step.record.id}, which is recorded until ${step.record.forgetAt}.`,
      );
    }
    return [];
  };
  // A message without artifacts leaves an empty directory, so that later steps need not check for one.
  const refusals =
    directory === undefined ? await claimAll() : await fetchAll(fetches, directory, ports, claimAll);
  return { refusals, notices };
}

/** Failing to delete old ids does not refuse an accepted message. */
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
  return { code: 'not-forgotten', severity: 'notice', message: `Old ids could not be deleted: ${message}` };
}
