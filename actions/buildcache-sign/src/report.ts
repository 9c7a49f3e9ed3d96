import { factsSummary, findingsSummary, reportFile } from '@slipway/buildcache-actions';
import { counted } from '@slipway/core';
import type { Finding } from '@slipway/mirror';
import type { ActionResult, SummaryBlock } from '@slipway/runner';
import type { Signer } from '@slipway/signing';
import type { Result } from './execute.ts';
import type { Plan } from './plan.ts';

export interface ReportInput {
  readonly plan: Plan;
  /** Undefined for a dry run. */
  readonly result: Result | undefined;
  readonly signer: Pick<Signer, 'publicKey' | 'algorithm'>;
  readonly findings: readonly Finding[];
  readonly reportPath: string | undefined;
  readonly target: string;
}

export function report({ plan, result, signer, findings, reportPath, target }: ReportInput): ActionResult {
  const { fingerprint } = signer.publicKey;
  const planned = plan.steps.filter((step) => step.kind === 'sign-manifest').length;
  const signed = result?.signed.length ?? planned;
  const unchecked = findings.filter(({ code }) => code === 'signature-replaced-unchecked').length;
  const summary: SummaryBlock[] = [
    {
      kind: 'heading',
      text: result === undefined ? 'Buildcache to be signed (dry run)' : 'Buildcache signed',
    },
    factsSummary([
      ['Directory', target],
      ['Key', `${fingerprint} (${signer.algorithm})`],
      ['Key owner', signer.publicKey.userIds.join(', ')],
      [result === undefined ? 'To sign' : 'Signed now', counted(signed, 'manifest')],
      ['Already signed', counted(plan.alreadySigned, 'manifest')],
      ...(unchecked === 0
        ? []
        : [['Signatures replaced unchecked', counted(unchecked, 'manifest')] as const]),
    ]),
    ...findingsSummary(findings),
  ];
  return {
    outputs: { fingerprint, signed, 'already-signed': plan.alreadySigned },
    files: [
      reportFile('buildcache-sign', reportPath, {
        dryRun: result === undefined,
        fingerprint,
        algorithm: signer.algorithm,
        alreadySigned: plan.alreadySigned,
        replacedUnchecked: unchecked,
        signed: [...(result?.signed ?? [])].sort(),
        plan: plan.steps,
        findings,
      }),
    ],
    summary,
    problems: findings,
  };
}
