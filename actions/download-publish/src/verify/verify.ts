import type { SlipwayError } from '@slipway/core';
import type { FileOperation } from '../operation.ts';
import { shownKey, shownUrl } from '../redacted-links.ts';
import type { Clocks } from '../window-times.ts';
import { executeVerify, type ProvenStep } from './execute.ts';
import { failureOf, findingOf, refusedWords } from './findings.ts';
import { observeVerify } from './observe.ts';
import { planVerify, type RefuseStep, type ServeStep, type VerifyFinding, type VerifyPlan } from './plan.ts';

export interface Verified {
  readonly clocks: Clocks;
  readonly plan: VerifyPlan;
  /** Undefined for a dry run. */
  readonly proofs: readonly ProvenStep[] | undefined;
  readonly findings: readonly VerifyFinding[];
  readonly failure: SlipwayError | undefined;
}

/**
 * Checks that the files are stored correctly, and requests each from the CDN: links must open the files, and wrong and old links
 * must not. Every problem is a finding, and fails the run at its end.
 */
export async function verifyFiles(operation: FileOperation): Promise<Verified> {
  const { given, context } = operation;
  const { clocks, input } = await observeVerify(operation);
  const plan = planVerify(input);
  if (given.dryRun) {
    for (const step of plan.steps) context.progress.info(`Would request ${stepText(step)}`);
    return { clocks, plan, proofs: undefined, findings: plan.findings, failure: undefined };
  }
  const proofs = await executeVerify(plan, given, context);
  const findings = [...plan.findings, ...proofs.flatMap(findingOf)];
  return { clocks, plan, proofs, findings, failure: failureOf(findings) };
}

function stepText(step: ServeStep | RefuseStep): string {
  return step.kind === 'prove-served'
    ? `${shownKey(step.key)}, which must be served`
    : `${shownUrl(step.url)}, which must be refused (${refusedWords[step.what]})`;
}
