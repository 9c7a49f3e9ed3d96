import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Clock } from '@slipway/core';
import { type DoubledRepository, type GitHubDouble, temporaryDirectory } from '@slipway/testkit';

/** Built by `scripts/bundle repository-dispatch`. */
export const bundle = fileURLToPath(new URL('../dist/index.js', import.meta.url));

export const secret = '0123456789abcdef0123456789abcdef';
export const dispatches = 'POST /repos/{owner}/{repo}/dispatches';
export const runs = 'GET /repos/{owner}/{repo}/actions/runs';

/** Variables of a job in `acme/app`, and of the API that is `double`. */
export function jobEnvironment(double: GitHubDouble): Readonly<Record<string, string>> {
  return {
    GITHUB_API_URL: double.url,
    GITHUB_SERVER_URL: 'https://github.example.org',
    GITHUB_REPOSITORY: 'acme/app',
    GITHUB_SHA: 'b'.repeat(40),
    GITHUB_REF: 'refs/tags/v1.4.0',
    GITHUB_RUN_ID: '4711',
    GITHUB_RUN_ATTEMPT: '1',
  };
}

/** The id in an event that the double received. */
export function idOf(event: { readonly client_payload: Readonly<Record<string, unknown>> }): string {
  const { slipway } = event.client_payload as { readonly slipway: { readonly id: string } };
  return slipway.id;
}

/** A repository whose runs have the id in their title, and end as `run` says. */
export function receiver(
  name: string,
  changes: Partial<DoubledRepository> & { conclusion?: string } = {},
): DoubledRepository {
  const { conclusion, ...rest } = changes;
  const run = conclusion === undefined ? {} : { run: async () => conclusion };
  return {
    name,
    isPrivate: true,
    workflows: [{ id: 7, runName: (event) => `Take ${idOf(event)} over`, ...run }],
    ...rest,
  };
}

export interface QuickClock extends Clock {
  readonly waits: number[];
}

/** The clock of this machine, but every sleep ends immediately. */
export function quickClock(): QuickClock {
  const waits: number[] = [];
  let sleptMs = 0;
  return {
    waits,
    nowMs: () => Date.now() + sleptMs,
    random: () => 0.5,
    sleep: async (ms) => {
      waits.push(ms);
      sleptMs += ms;
    },
  };
}

export const artifacts = [
  {
    name: 'app.zip',
    path: 'dist/app.zip',
    key: 'downloads/app.zip',
    platform: 'macos',
    url: 'https://downloads.example.org/x/app.zip',
    sizeBytes: 3,
    sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  },
];

/** A workspace with a list of artifacts and a payload. */
export function workspace(): string {
  const directory = temporaryDirectory('workspace');
  writeFileSync(join(directory, 'artifacts.json'), JSON.stringify(artifacts));
  writeFileSync(join(directory, 'payload.json'), '{"flags":{"beta":false}}');
  return directory;
}
