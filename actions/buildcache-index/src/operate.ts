import { pendingNotice, rememberingMirror } from '@slipway/buildcache-actions';
import { counted, type ProgressPort, RemoteError } from '@slipway/core';
import { type IndexMove, untilNotOvertaken } from '@slipway/mirror';
import { execute } from './execute.ts';
import { EntryCache, type Observed, observe, type Ports, type Request } from './observe.ts';
import { changesOf, type Plan, plan } from './plan.ts';

/** The plan and the resulting move, which is undefined in a dry run. */
export interface Operation {
  readonly observed: Observed;
  readonly plan: Plan;
  readonly move: IndexMove | undefined;
}

/** Observes the mirror and shows the plan without executing it. */
export async function rehearse(request: Request, ports: Ports): Promise<Operation> {
  const observed = await observe(request, ports, new EntryCache());
  tellPending(observed, ports.progress);
  const planned = plan(observed.observation);
  for (const line of describe(planned)) ports.progress.info(line);
  ports.progress.info('Dry run: the index stays as it is.');
  return { observed, plan: planned, move: undefined };
}

/**
 * Observes the mirror, shows the plan and executes it. Starts over if another publisher moves the index in between; but a
 * rollback then throws `RemoteError` `contention`, because it would undo that publisher's work.
 */
export async function operate(request: Request, ports: Ports): Promise<Operation> {
  const { store, clock, progress } = ports;
  const cache = new EntryCache();
  const mirror = rememberingMirror(store, clock);
  const done = await untilNotOvertaken(clock, async (retries) => {
    const observed = await observe(request, ports, cache);
    if (retries === 0) tellPending(observed, progress);
    const planned = plan(observed.observation);
    for (const line of describe(planned)) progress.info(line);
    const move = await execute(planned, observed, { ...ports, store: mirror.store });
    if (move !== undefined) return { observed, plan: planned, move: { ...move, retries } };
    if (request.operation === 'rollback') {
      throw new RemoteError(
        'contention',
        'another publisher moved the index while it was being rolled back',
        {
          hint: 'Look at operation: list, and roll back again if that is still what you want.',
        },
      );
    }
    progress.info('Another publisher moved the index. Reading it and planning again.');
    return undefined;
  });
  await mirror.complete();
  return done;
}

function tellPending({ pendingPaths }: Observed, progress: ProgressPort): void {
  if (pendingPaths.length > 0) progress.info(pendingNotice(pendingPaths));
}

/** A plan for the log, the same in a dry run and before execution. */
function describe(planned: Plan): readonly string[] {
  const [step] = planned.steps;
  if (step === undefined) return ['Plan: the index stays as it is.'];
  if (step.kind === 'roll-back') return [`Plan: bring generation ${step.to} back, instead of ${step.from}.`];
  const { added, removed } = changesOf(planned);
  const changes = `${counted(added, 'entry', 'entries')} to add, ${removed} to remove`;
  const what =
    step.kind === 'change-index'
      ? `change the index: ${changes}`
      : `make a new index of ${counted(step.members.length, 'entry', 'entries')}: ${changes}`;
  const signed = step.kind === 'change-index' && step.signUnsigned ? ', and sign it for the first time' : '';
  return [`Plan: ${what}${signed}.`, ...step.remove.map((hash) => `Plan: remove ${hash} from the index.`)];
}
