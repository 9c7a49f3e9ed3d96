import { unreachable } from '@slipway/core';
import { type AuditReport, auditMirror, auditMirrorV2, type MirrorAudit } from '@slipway/mirror';
import type { Plan } from './plan.ts';

/** Audits as planned. Throws `UserError` for what is no mirror, `RemoteError` for a store that fails. */
export async function execute(
  plan: Plan,
  audit: Omit<MirrorAudit, 'level'>,
): Promise<readonly AuditReport[]> {
  const reports: AuditReport[] = [];
  for (const step of plan.steps) {
    switch (step.kind) {
      case 'audit-layout-v3':
        reports.push(await auditMirror({ ...audit, level: step.level }));
        break;
      case 'audit-layout-v2':
        reports.push(await auditMirrorV2({ ...audit, level: step.level }));
        break;
      default:
        unreachable(step);
    }
  }
  return reports;
}
