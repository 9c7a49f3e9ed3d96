import { type AuditReport, auditMirror, auditMirrorV2, type MirrorAudit } from '@slipway/mirror';
import type { Plan } from './plan.ts';

/** Audits as planned. Throws `UserError` if it is not a mirror, `RemoteError` if the store fails. */
export async function execute(plan: Plan, audit: Omit<MirrorAudit, 'level'>): Promise<AuditReport> {
  const [{ kind, level }] = plan.steps;
  return kind === 'audit-layout-v2' ? auditMirrorV2({ ...audit, level }) : auditMirror({ ...audit, level });
}
