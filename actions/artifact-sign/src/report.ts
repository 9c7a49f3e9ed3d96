import { hash as hashOnce } from 'node:crypto';
import { basename, isAbsolute, relative } from 'node:path';
import { type Artifact, counted, formatBytes, type Problem } from '@slipway/core';
import {
  type ActionResult,
  artifactsFile,
  factsSummary,
  reportFile,
  type SummaryBlock,
} from '@slipway/runner';
import type { Signer } from '@slipway/signing';
import type { Result } from './execute.ts';
import type { ObservedFile } from './observe.ts';
import type { Plan } from './plan.ts';

export interface MadeFile {
  readonly path: string;
  readonly platform: string | undefined;
  readonly contents: Uint8Array;
}

export interface ReportInput {
  readonly plan: Plan;
  readonly notices: readonly Problem[];
  /** Undefined for a dry run. */
  readonly result: Result | undefined;
  readonly files: readonly ObservedFile[];
  /** Artifacts that another action listed. */
  readonly given: readonly Artifact[];
  /** Signatures and checksums at the end of a successful run. */
  readonly made: readonly MadeFile[];
  readonly checksumsPath: string;
  readonly signer: Pick<Signer, 'publicKey' | 'algorithm'>;
  readonly workDirectory: string;
  readonly reportPath: string | undefined;
}

const maxRows = 50;

/** The result of a run: outputs, list of artifacts, public key, JSON report and summary. Pure. */
export function report(input: ReportInput): ActionResult {
  const { plan, result, signer } = input;
  const planned = plan.steps.filter(({ kind }) => kind !== 'write-checksums').length;
  const isDone = result !== undefined && result.failure === undefined;
  const artifacts = isDone ? artifactsOf(input) : undefined;
  return {
    outputs: {
      fingerprint: plan.fingerprint,
      checksums: isDone ? fromWorkspace(input.checksumsPath, input.workDirectory) : '',
      signed: result?.signed.length ?? planned,
      'already-signed': plan.alreadySigned,
    },
    files: [
      ...(artifacts === undefined ? [] : [artifactsFile('artifact-sign-artifacts.json', artifacts)]),
      {
        output: 'public-key',
        path: undefined,
        defaultName: `${plan.fingerprint}.asc`,
        contents: signer.publicKey.armored,
        isPublic: true,
      },
      reportFile('artifact-sign', input.reportPath, {
        dryRun: result === undefined,
        fingerprint: plan.fingerprint,
        algorithm: signer.algorithm,
        alreadySigned: plan.alreadySigned,
        signed: [...(result?.signed ?? [])].sort(),
        files: input.files.map(({ name, sizeBytes, sha256, signature }) => ({
          name,
          sizeBytes,
          sha256,
          signature,
        })),
        artifacts,
        plan: plan.steps,
        notices: input.notices,
        failure: result?.failure && { code: result.failure.code, message: result.failure.message },
      }),
    ],
    summary: summary(input, planned),
    problems: input.notices,
    failure: result?.failure,
  };
}

function artifactsOf(input: ReportInput): readonly Artifact[] {
  const { given, files, made, workDirectory } = input;
  const byPath = new Map<string, Artifact>();
  const add = (artifact: Artifact): void =>
    void byPath.set(artifact.path ?? `name:${artifact.name}`, artifact);
  for (const artifact of given) add(artifact);
  for (const { path, sizeBytes, sha256, artifact } of files)
    if (artifact === undefined)
      add({ name: basename(path), path: fromWorkspace(path, workDirectory), sizeBytes, sha256 });
  for (const { path, platform, contents } of made) {
    add({
      name: basename(path),
      path: fromWorkspace(path, workDirectory),
      platform,
      sizeBytes: contents.length,
      sha256: hashOnce('sha256', contents),
    });
  }
  return [...byPath.values()];
}

/** Relative to the workspace if it is inside. */
function fromWorkspace(path: string, workDirectory: string): string {
  const relativePath = relative(workDirectory, path);
  return isAbsolute(relativePath) || relativePath.startsWith('..') ? path : relativePath;
}

function summary(input: ReportInput, planned: number): readonly SummaryBlock[] {
  const { plan, result, signer, files } = input;
  return [
    { kind: 'heading', text: titleOf(result) },
    factsSummary([
      ['Key', `${plan.fingerprint} (${signer.algorithm})`],
      ['Key owner', signer.publicKey.userIds.join(', ')],
      ['Checksums', fromWorkspace(input.checksumsPath, input.workDirectory)],
      result === undefined
        ? ['To sign', counted(planned, 'file')]
        : ['Signed now', counted(result.signed.length, 'file')],
      ['Already signed', counted(plan.alreadySigned, 'file')],
    ]),
    {
      kind: 'table',
      // The widest column comes last, where it may be cut off.
      head: ['File', 'Size', 'SHA-256'],
      rows: files
        .slice(0, maxRows)
        .map(({ name, sizeBytes, sha256 }) => [name, formatBytes(sizeBytes), sha256]),
    },
    ...(files.length > maxRows
      ? [
          {
            kind: 'text',
            text: `${counted(files.length - maxRows, 'more file')} in the JSON report.`,
          } as const,
        ]
      : []),
    ...input.notices.map(({ message }) => ({ kind: 'text', text: message }) as const),
  ];
}

function titleOf(result: Result | undefined): string {
  if (result === undefined) return 'Files to be signed (dry run)';
  return result.failure === undefined ? 'Files signed' : 'Files not signed completely';
}
