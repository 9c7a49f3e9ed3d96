import { hash as hashOnce } from 'node:crypto';
import { type Problem, type Severity, sentences } from '@slipway/core';
import type { Log, ReportingDescriptor, Result } from 'sarif';

const maxResults = 5_000;
const order = ['error', 'warning', 'notice'];
const levels = { error: 'error', warning: 'warning', notice: 'note' } as const;

/** What a SARIF report is about. */
export interface SarifSubject {
  /** The name of the action. */
  readonly action: string;
  readonly version: string;
  /** Follows "Found while": `verifying a Spack mirror`. */
  readonly doing: string;
  /** Keys of findings begin at `url`; `id` stands for it, in capitals. */
  readonly place: { readonly id: string; readonly url: string };
  /** By code. */
  readonly severities: Readonly<Record<string, Severity>>;
}

/**
 * Findings as SARIF 2.1.0 with the extras that GitHub's code scanning requires. The worst come first, because it accepts
 * 5,000 results per run.
 */
export function formatSarif(findings: readonly Problem[], subject: SarifSubject): string {
  const { action, version, doing, place, severities } = subject;
  const codes = [...new Set(findings.map((found) => found.code))].sort();
  const rules = codes.map((code): ReportingDescriptor => {
    const words = code.replaceAll('-', ' ');
    return {
      id: code,
      name: code,
      shortDescription: { text: words },
      fullDescription: { text: `Found while ${doing}: ${words}.` },
      help: { text: 'The message of each result says what is wrong there, and what to do about it.' },
      defaultConfiguration: { level: levels[severities[code] ?? 'warning'] },
    };
  });
  const worstFirst = findings.toSorted((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
  const results = worstFirst.slice(0, maxResults).map(
    (found): Result => ({
      ruleId: found.code,
      ruleIndex: codes.indexOf(found.code),
      level: levels[found.severity],
      message: { text: found.hint === undefined ? found.message : sentences(found.message, found.hint) },
      locations: [
        {
          physicalLocation: {
            artifactLocation: { uri: relativeUri(found.key), uriBaseId: place.id },
            region: { startLine: 1 },
          },
        },
      ],
      // Tells alerts apart over time; GitHub would compute it from source files, which do not exist here.
      partialFingerprints: {
        primaryLocationLineHash: hashOnce('sha256', `${found.code}\n${found.key ?? ''}\n${found.message}`),
      },
    }),
  );
  const log: Log = {
    version: '2.1.0',
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    runs: [
      {
        tool: { driver: { name: `slipway ${action}`, semanticVersion: version, rules } },
        originalUriBaseIds: { [place.id]: { uri: place.url.endsWith('/') ? place.url : `${place.url}/` } },
        results,
      },
    ],
  };
  return `${JSON.stringify(log, null, 2)}\n`;
}

/** A key as a URI reference that stays below its base, whatever the key contains. */
function relativeUri(key: string | undefined): string {
  const segments = (key ?? '').toWellFormed().split('/').map(encodeURIComponent);
  const uri = segments.filter((segment) => segment !== '' && segment !== '.' && segment !== '..').join('/');
  return uri === '' ? '.' : uri;
}
