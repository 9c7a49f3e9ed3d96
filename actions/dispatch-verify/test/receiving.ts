import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { systemClock } from '@slipway/core';
import {
  clientPayload,
  type Envelope,
  envelopeFormat,
  hmacSigner,
  type JsonObject,
  type PayloadSigner,
  timeText,
} from '@slipway/dispatch-payload';
import { type ActionRunResult, runAction, temporaryDirectory } from '@slipway/testkit';
import { action } from '../src/action.ts';

/** Built by `scripts/bundle dispatch-verify`. */
export const bundle = fileURLToPath(new URL('../dist/index.js', import.meta.url));

export const secret = '0123456789abcdef0123456789abcdef';
export const hourMs = 3_600_000;
export const sender = { login: 'octocat', id: 583_231 };

/** Changes to a valid envelope issued now; undefined removes a field. */
export type EnvelopeChanges = Partial<Record<keyof Envelope, unknown>>;

export function envelope(changes: EnvelopeChanges = {}): Envelope {
  const nowMs = systemClock.nowMs();
  return {
    format: envelopeFormat,
    id: 'message-1',
    event: 'app-released',
    audience: 'acme/site',
    issuedAt: timeText(nowMs),
    expiresAt: timeText(nowMs + 24 * hourMs),
    source: {
      repository: 'acme/app',
      runId: '4711',
      runAttempt: 1,
      runUrl: 'https://github.example.org/acme/app/actions/runs/4711',
    },
    version: '1.4.0',
    commit: 'b'.repeat(40),
    ref: 'refs/tags/v1.4.0',
    ...changes,
  } as Envelope;
}

/** A signed payload, as repository-dispatch creates it. */
export async function message(
  own: JsonObject = { channel: 'stable' },
  changes: EnvelopeChanges = {},
  signer: PayloadSigner = hmacSigner(secret),
): Promise<JsonObject> {
  const unsigned = JSON.parse(JSON.stringify(clientPayload(own, envelope(changes), undefined))) as JsonObject;
  const signature = await signer.sign(unsigned);
  return { ...unsigned, slipway: { ...(unsigned['slipway'] as JsonObject), signature } };
}

/** The file of an event with a payload, whose JSON may be given as a text. */
export function eventFile(payload: JsonObject | string, changes: JsonObject = {}): string {
  const head = {
    action: 'app-released',
    branch: 'main',
    repository: { full_name: 'acme/site' },
    sender,
    ...changes,
  };
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
  const path = join(temporaryDirectory('event'), 'event.json');
  writeFileSync(path, `${JSON.stringify(head).slice(0, -1)},"client_payload":${text}}`);
  return path;
}

/** Variables of a job in `acme/site` that an event started. */
export function jobEnvironment(event: string): Readonly<Record<string, string>> {
  return {
    GITHUB_EVENT_NAME: 'repository_dispatch',
    GITHUB_EVENT_PATH: event,
    GITHUB_REPOSITORY: 'acme/site',
    GITHUB_SERVER_URL: 'https://github.example.org',
    GITHUB_RUN_ID: '99',
    GITHUB_RUN_ATTEMPT: '1',
  };
}

export interface Receiving {
  readonly inputs?: Readonly<Record<string, string>>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly event?: JsonObject;
  readonly aheadMs?: number;
  readonly workDirectory?: string;
}

/** Receives a payload in this process. */
export function receive(payload: JsonObject | string, given: Receiving = {}): Promise<ActionRunResult> {
  const { inputs = {}, environment = {}, aheadMs = 0, workDirectory } = given;
  return runAction(
    action,
    { 'signing-secret': secret, ...inputs },
    {
      clock: { ...systemClock, sleep: async () => {}, nowMs: () => systemClock.nowMs() + aheadMs },
      environment: { ...jobEnvironment(eventFile(payload, given.event)), ...environment },
      ...(workDirectory === undefined ? {} : { workDirectory }),
    },
  );
}

/** The codes of the refusals of a run. */
export function codesOf({ problems }: ActionRunResult): readonly string[] {
  return problems.filter(({ severity }) => severity === 'error').map(({ code }) => code);
}

/** A new directory as a store of ids. */
export function newStore(): { readonly url: string; readonly directory: string } {
  const directory = temporaryDirectory('seen');
  return { url: pathToFileURL(directory).href, directory };
}

/** Every file under a directory with its text. */
export function filesIn(directory: string): Readonly<Record<string, string>> {
  mkdirSync(directory, { recursive: true });
  return Object.fromEntries(
    readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [path.slice(directory.length + 1), readFileSync(path, 'utf8')]),
  );
}
