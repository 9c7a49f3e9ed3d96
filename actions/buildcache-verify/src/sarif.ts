import { type Finding, findingSeverities } from '@slipway/mirror';
import { formatSarif as formatFindings } from '@slipway/runner';

/** The findings about a mirror as SARIF 2.1.0. */
export function formatSarif(findings: readonly Finding[], mirror: string, version: string): string {
  return formatFindings(findings, {
    action: 'buildcache-verify',
    version,
    doing: 'verifying a Spack mirror',
    place: { id: 'MIRROR', url: mirror },
    severities: findingSeverities,
  });
}
