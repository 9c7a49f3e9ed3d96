import { type Finding, findingSeverities } from '@slipway/mirror';
import type { Log, ReportingDescriptor, Result } from 'sarif';

const maxResults = 5_000;
const levels = { error: 'error', warning: 'warning', notice: 'note' } as const;

/** The findings as SARIF 2.1.0, which code scanning reads. GitHub takes 5,000 results of a run. */
export function formatSarif(findings: readonly Finding[], mirror: string, version: string): string {
  const codes = [...new Set(findings.map((found) => found.code))].sort();
  const rules = codes.map(
    (code): ReportingDescriptor => ({
      id: code,
      name: code,
      shortDescription: { text: code.replaceAll('-', ' ') },
      defaultConfiguration: { level: levels[findingSeverities[code]] },
    }),
  );
  const results = findings.slice(0, maxResults).map(
    (found): Result => ({
      ruleId: found.code,
      ruleIndex: codes.indexOf(found.code),
      level: levels[found.severity],
      message: { text: found.hint === undefined ? found.message : `${found.message}. ${found.hint}` },
      locations: [
        {
          physicalLocation: {
            artifactLocation: {
              uri: (found.key ?? '').split('/').map(encodeURIComponent).join('/') || '.',
              uriBaseId: 'MIRROR',
            },
          },
        },
      ],
    }),
  );
  const log: Log = {
    version: '2.1.0',
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    runs: [
      {
        tool: { driver: { name: 'slipway buildcache-verify', semanticVersion: version, rules } },
        originalUriBaseIds: { MIRROR: { uri: mirror.endsWith('/') ? mirror : `${mirror}/` } },
        results,
      },
    ],
  };
  return `${JSON.stringify(log, null, 2)}\n`;
}
