import { join, relative } from 'node:path';
import { type Artifact, counted, formatDuration, printable, UserError } from '@slipway/core';
import { envelopeKey, type JsonObject, type Refusal } from '@slipway/dispatch-payload';
import { type ActionResult, artifactsFile, reportFile, type SummaryBlock } from '@slipway/runner';
import type { ExaminedMessage } from './examine.ts';
import type { Finding } from './notices.ts';
import type { Plan } from './plan.ts';

const maxRows = 50;

export interface ReportInput {
  /** The message, if it is accepted. */
  readonly accepted: { readonly message: ExaminedMessage; readonly plan: Plan } | undefined;
  readonly refusals: readonly Refusal[];
  readonly notices: readonly Finding[];
  readonly dryRun: boolean;
  readonly durationMs: number;
  readonly reportPath: string | undefined;
  readonly workDirectory: string;
  /** Where artifacts were fetched to. */
  readonly directory: string | undefined;
}

/** The result of a run: it passes on everything in an accepted message, and nothing of a refused one. */
export function report(input: ReportInput): ActionResult {
  const { accepted, refusals, notices } = input;
  const problems = [...refusals, ...notices];
  const failure = failureOf(refusals);
  const envelope = accepted?.message.parsed?.envelope;
  const artifacts = accepted && artifactsOf(accepted.message, input);
  const body = {
    dryRun: input.dryRun,
    accepted: accepted !== undefined,
    id: envelope?.id,
    eventType: accepted?.message.eventType,
    source: envelope?.source,
    signedBy: accepted?.message.signer,
    artifacts,
    failure: failure && { code: failure.code, message: failure.message },
    problems,
  };
  return {
    outputs: accepted === undefined ? {} : outputsOf(accepted.message),
    files: [
      reportFile('dispatch-verify', input.reportPath, body),
      ...(artifacts === undefined ? [] : [artifactsFile('artifacts.json', artifacts)]),
    ],
    summary: summary(input),
    problems,
    failure,
  };
}

function outputsOf({ payload, eventType, parsed, fields }: ExaminedMessage): ActionResult['outputs'] {
  const envelope = parsed?.envelope;
  return {
    payload: asciiJson(withoutSignature(payload)),
    id: envelope?.id ?? '',
    'event-type': printable(eventType),
    'source-repository': envelope?.source.repository ?? '',
    commit: envelope?.commit ?? '',
    ref: envelope?.ref ?? '',
    version: envelope?.version ?? '',
    'source-run-url': envelope?.source.runUrl ?? '',
    fields: asciiJson(fields),
  };
}

function withoutSignature(payload: JsonObject): JsonObject {
  const envelope = payload[envelopeKey];
  if (typeof envelope !== 'object' || envelope === null) return payload;
  const { signature: _, ...rest } = { ...envelope } as JsonObject;
  return { ...payload, [envelopeKey]: rest };
}

/** JSON on one line, in ASCII, so that no reader mistakes a character for a line break or displays it as something else. */
export function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function artifactsOf(
  { parsed }: ExaminedMessage,
  { directory, workDirectory }: ReportInput,
): readonly Artifact[] {
  return (parsed?.envelope.artifacts ?? []).map((artifact): Artifact => {
    if (directory === undefined) return artifact;
    const path = join(directory, artifact.name);
    const below = relative(workDirectory, path);
    return { ...artifact, path: below.startsWith('..') ? path : below };
  });
}

function failureOf(refusals: readonly Refusal[]): UserError | undefined {
  const [first] = refusals;
  if (first === undefined) return undefined;
  const more = refusals.length === 1 ? '' : `, and for ${counted(refusals.length - 1, 'other reason')}`;
  return new UserError(
    'message-refused',
    `the message was refused: ${first.message} (${first.code})${more}`,
    {
      hint: first.hint,
    },
  );
}

function summary({
  accepted,
  refusals,
  dryRun,
  durationMs,
  directory,
}: ReportInput): readonly SummaryBlock[] {
  const envelope = accepted?.message.parsed?.envelope;
  const title = accepted === undefined ? 'Message refused' : 'Message accepted';
  const blocks: SummaryBlock[] = [{ kind: 'heading', text: dryRun ? `${title} (dry run)` : title }];
  if (accepted !== undefined) {
    const rows = [
      ['Event type', printable(accepted.message.eventType)],
      ['From', envelope?.source.repository ?? 'not stated'],
      ['Version', envelope?.version ?? ''],
      ['Commit', envelope?.commit ?? ''],
      ['Signed by', accepted.message.signer ?? 'not signed'],
      ['Issued', envelope?.issuedAt ?? ''],
      ['Time', formatDuration(durationMs)],
    ];
    blocks.push({
      kind: 'table',
      head: ['Message', envelope?.id ?? 'without an id'],
      rows: rows.filter(([, value]) => value !== ''),
    });
    const artifacts = envelope?.artifacts ?? [];
    if (artifacts.length > 0) {
      blocks.push({
        kind: 'table',
        head: [directory === undefined ? 'Artifact' : 'Artifact, fetched', 'Platform', 'Bytes', 'SHA-256'],
        rows: artifacts
          .slice(0, maxRows)
          .map(({ name, platform = '', sizeBytes, sha256 }) => [
            printable(name),
            printable(platform),
            sizeBytes.toLocaleString('en-US'),
            sha256,
          ]),
      });
    }
  }
  if (refusals.length > 0) {
    blocks.push({
      kind: 'table',
      head: ['Code', 'Why'],
      rows: refusals.slice(0, maxRows).map(({ code, message }) => [code, message]),
    });
  }
  return blocks;
}
