import { type Expectation, proveServed, type Served } from '@slipway/aws';
import { counted } from '@slipway/core';
import type { ActionContext } from '@slipway/runner';
import type { Inputs } from '../inputs.ts';
import type { RefuseStep, ServeStep, VerifyPlan } from './plan.ts';

/** A step with the CDN's response. */
export interface ProvenStep {
  readonly step: ServeStep | RefuseStep;
  readonly served: Served;
}

/** Requests the links of a plan from the CDN. */
export async function executeVerify(
  { steps }: VerifyPlan,
  given: Inputs,
  { clock, environment, progress }: ActionContext,
): Promise<readonly ProvenStep[]> {
  const serve = steps.filter((step) => step.kind === 'prove-served');
  const refuse = steps.filter((step) => step.kind === 'prove-refused');
  const ask = async <Step extends Expectation>(
    asked: readonly Step[],
    isEnough?: (served: Served) => boolean,
  ): Promise<readonly { readonly step: Step; readonly served: Served }[]> => {
    const all = await proveServed(asked, {
      clock,
      deadlineMs: clock.nowMs() + given.verifyDeadline,
      proxyEnvironment: environment,
      followRedirects: false,
      onDone: () => progress.advance(1),
      isEnough,
    });
    return asked.flatMap((step, index) => {
      const served = all[index];
      return served === undefined ? [] : [{ step, served }];
    });
  };
  progress.start(`Requesting from the CDN: ${counted(serve.length, 'link')}`, serve.length, 'entries');
  const proofs: ProvenStep[] = [...(await ask(serve))];
  if (refuse.length > 0) {
    progress.start(
      `Requesting ${counted(refuse.length, 'link')} that must be refused`,
      refuse.length,
      'entries',
    );
    // Only a missing answer is worth another request.
    proofs.push(...(await ask(refuse, ({ kind }) => kind !== 'failed')));
  }
  return proofs;
}
