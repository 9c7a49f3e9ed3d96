import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type DirectoryServer,
  documentBlock,
  GitHubDouble,
  haveMinio,
  haveWorkflowRunner,
  type RepositoryDispatchEvent,
  serveDirectory,
  startTokenIssuer,
  startTrustingMinio,
  type TokenIssuer,
  type TrustingMinio,
  temporaryDirectory,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { expression } from '../../chain.ts';
import { checkout, runExample, type Step, stepsOfBlock } from './example-workflow.ts';

const secrets = { DISPATCH_SECRET: randomBytes(32).toString('hex') };
const hostile = 'It says "hi" \\ $(touch pwned) `id`\n\nand {{ more }}';

/** Every path of keys in a JSON value; lists count by their first element. */
function shapeOf(value: unknown, path = ''): readonly string[] {
  if (Array.isArray(value)) return shapeOf(value[0], `${path}[]`);
  if (typeof value !== 'object' || value === null) return [`${path}: ${typeof value}`];
  return Object.entries(value).flatMap(([key, field]) => shapeOf(field, `${path}/${key}`));
}

describe.skipIf(!haveWorkflowRunner() || !haveMinio())(
  'workflows that tell and are told (needs act and minio)',
  () => {
    let issuer: TokenIssuer;
    let minio: TrustingMinio;
    let github: GitHubDouble;
    let served: DirectoryServer;
    let publish: Step;

    beforeAll(async () => {
      issuer = await startTokenIssuer();
      minio = await startTrustingMinio(issuer, { hasRegion: false });
      bucket = await minio.makeBucket();
      github = await GitHubDouble.start();
      const directory = temporaryDirectory('served');
      mkdirSync(join(directory, 'x'));
      writeFileSync(join(directory, 'x/app.zip'), 'abc');
      served = await serveDirectory(directory);
      const artifacts = [
        {
          name: 'app.zip',
          path: 'dist/app.zip',
          key: 'x/app.zip',
          platform: 'macos',
          url: `${served.url}/x/app.zip`,
          sizeBytes: 3,
          sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
        },
      ];
      // Stands for the publishing step, whose output the examples pass on.
      publish = {
        id: 'publish',
        run: 'echo "artifacts=$PWD/artifacts.json" >> "$GITHUB_OUTPUT" && printf %s "$ARTIFACTS" > artifacts.json',
        env: { ARTIFACTS: JSON.stringify(artifacts) },
      };
    });
    afterAll(async () => {
      served?.close();
      await minio?.stop();
      issuer?.close();
      github?.close();
    });

    let bucket = '';
    const receiving = parse(
      documentBlock('actions/repository-dispatch/README.md#repository-dispatch:2').text,
    ) as {
      readonly 'run-name': string;
      readonly on: { readonly repository_dispatch: { readonly types: readonly string[] } };
    };
    const id = 'github.event.client_payload.slipway.id';

    const receive = (event: RepositoryDispatchEvent) =>
      runExample('actions/dispatch-verify/README.md#dispatch-verify', {
        actions: ['dispatch-verify'],
        repository: event.repository.full_name,
        event: { name: 'repository_dispatch', payload: { ...event } },
        secrets,
        environment: { ...issuer.environment, GITHUB_REPOSITORY: event.repository.full_name },
        files: { 'take-over.sh': '#!/bin/sh\necho "took over $1 of $2: $(cat "$3"/*)"\n' },
        inputs: {
          'endpoint-url': minio.endpointUrl,
          'sts-endpoint-url': minio.endpointUrl,
          'force-path-style': 'true',
        },
        replacements: {
          'your-bucket': bucket,
          'arn:aws:iam::123456789012:role/take-over': minio.roleArn,
          'downloads.example.org': new URL(served.url).host,
        },
      });
    test('the sender notifies two receivers, finds their runs by their names and waits for them, and both deploy', async () => {
      expect(receiving['run-name']).toContain(expression(id));
      const received: string[] = [];
      const targets = ['your-org/website', 'your-org/mirror'];
      for (const name of targets)
        github.addRepository({
          name,
          isPrivate: true,
          workflows: [
            {
              id: 7,
              eventTypes: receiving.on.repository_dispatch.types,
              runName: ({ client_payload: { slipway } }) =>
                receiving['run-name'].replace(expression(id), (slipway as { readonly id: string }).id),
              run: async (event) => {
                const run = await receive(event);
                received.push(run.log);
                return run.exitCode === 0 ? 'success' : 'failure';
              },
            },
          ],
        });
      const app = await github.addApp([
        { id: 1, repositories: targets, permissions: { contents: 'write', actions: 'read' } },
      ]);
      const [tell = {}] = stepsOfBlock('actions/repository-dispatch/README.md#repository-dispatch');
      const run = await runExample(
        { example: { steps: [publish, tell] } },
        {
          actions: ['repository-dispatch'],
          repository: 'your-org/app',
          event: { name: 'push', ref: 'refs/tags/v1.4.0' },
          secrets: { ...secrets, RELEASE_APP_KEY: app.privateKey },
          variables: { RELEASE_APP_ID: app.appId },
          environment: { GITHUB_API_URL: github.url },
        },
      );
      expect(run.exitCode, `${run.log}\n${received.join('\n')}`).toBe(0);
      expect(received).toHaveLength(2);
      for (const log of received) expect(log).toContain('took over v1.4.0 of stable: abc');
    }, 120_000);

    test('the payload is as the README shows, and can be checked by hand as it says', async () => {
      const [event] = github.events;
      const shown: unknown = JSON.parse(
        documentBlock('actions/repository-dispatch/README.md#the-payload:2').text,
      );
      expect(shapeOf(event?.client_payload).toSorted()).toEqual(shapeOf(shown).toSorted());
      const run = await runExample('actions/dispatch-verify/README.md#by-hand', {
        actions: ['dispatch-verify'],
        repository: event?.repository.full_name ?? '',
        before: [checkout],
        files: { 'payload.json': JSON.stringify(event?.client_payload) },
        secrets,
      });
      expect(run.exitCode, run.log).toBe(0);
    });

    test('I8: any text of an event gets into a payload unchanged', async () => {
      github.addRepository({ name: 'your-org/other', isPrivate: true });
      const { payload = '' } = parse(
        documentBlock('actions/repository-dispatch/README.md#the-payload').text,
      ) as Readonly<Record<string, string>>;
      const step = {
        uses: 'your-org/slipway/actions/repository-dispatch@v1',
        with: {
          targets: 'your-org/other',
          'event-type': 'told',
          payload,
          'signing-secret': expression('secrets.DISPATCH_SECRET'),
          token: expression('secrets.TOKEN'),
        },
      };
      const run = await runExample(
        { example: { steps: [step] } },
        {
          actions: ['repository-dispatch'],
          repository: 'your-org/app',
          event: { name: 'push', payload: { head_commit: { message: hostile } } },
          secrets: { ...secrets, TOKEN: github.addToken() },
          environment: { GITHUB_API_URL: github.url },
        },
      );
      expect(run.exitCode, run.log).toBe(0);
      expect(github.events.at(-1)?.client_payload).toMatchObject({ channel: 'stable', message: hostile });
    });
  },
);
