// Slow: about 20 s.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  documentBlock,
  gpgMissing,
  haveWorkflowRunner,
  makeKey,
  runShellBlock,
  temporaryDirectory,
} from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { expression } from '../../chain.ts';
import { root } from '../../workspace.ts';
import { checkout, runExample, type Step, stepsOfBlock } from './example-workflow.ts';

/** Incompressible bytes, like most programs that are packed. */
const program = randomBytes(6 * 2 ** 20);

describe.skipIf(!haveWorkflowRunner())('workflows that make releases (needs act)', () => {
  test('the step of archive-pack packs the named files', async () => {
    const files = {
      'dist/app-macos-intel': program,
      'dist/app-macos-arm': program,
      'dist/app-linux-x64': program,
      'dist/app.exe': program,
      'dist/Visual C++ Runtime/vcruntime.dll': program,
      'dist/Visual C++ Runtime/vcruntime.pdb': 'left out',
      'docs/manual.pdf': '%PDF-1.7',
      'packaging/README.txt': 'App {{version}}\n',
    };
    const run = await runExample('actions/archive-pack/README.md#archive-pack', {
      actions: ['archive-pack'],
      files,
      before: [checkout],
      event: { name: 'push', ref: 'refs/tags/v1.0' },
    });
    expect(run.exitCode, run.log).toBe(0);
    const { artifacts = '', paths = '' } = run.jobs['example']?.steps['pack']?.outputs ?? {};
    for (const name of ['macos.zip', 'linux.zip', 'windows.zip', 'everything.zip'])
      expect(`${paths}${artifacts}`).toContain(name);
  });

  test.skipIf(gpgMissing)(
    'the step of artifact-sign signs, and the lines below it check what it signed (needs gpg)',
    async () => {
      const key = await makeKey({ type: 'ed25519', passphrase: 'correct horse battery staple' });
      const kept = temporaryDirectory('released');
      // What a release would upload.
      const keep: Step = {
        run: 'cp dist/* "$KEPT" && cp "$PUBLIC_KEY" "$KEPT/public-key.asc"',
        env: { KEPT: kept, PUBLIC_KEY: expression('steps.sign.outputs.public-key') },
      };
      const steps = [checkout, ...stepsOfBlock('actions/artifact-sign/README.md#artifact-sign'), keep];
      const run = await runExample(
        { example: { steps } },
        {
          actions: ['artifact-sign'],
          files: { 'dist/app-1.0.tar.gz': 'an archive', 'dist/app-1.0.rpm': 'a package' },
          secrets: { SIGNING_KEY: key.privateArmored, SIGNING_PASSPHRASE: key.passphrase ?? '' },
        },
      );
      expect(run.exitCode, run.log).toBe(0);
      const check = async () => {
        const home = temporaryDirectory('gnupg');
        chmodSync(home, 0o700);
        const checked = await runShellBlock(
          documentBlock('actions/artifact-sign/README.md#artifact-sign:2'),
          { directory: kept, environment: { GNUPGHOME: home } },
        );
        execFileSync('gpgconf', ['--homedir', home, '--kill', 'all']);
        return checked;
      };
      const good = await check();
      expect(good.exitCode, good.error).toBe(0);
      expect(good.output).toContain('app-1.0.rpm: OK');
      writeFileSync(join(kept, 'app-1.0.tar.gz'), 'another archive');
      expect((await check()).exitCode).not.toBe(0);
    },
  );

  const alphabet = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789';
  const keyOfCustomer = `const { createHmac } = require('node:crypto');
const bytes = createHmac('sha256', process.env.KEYGEN_SECRET).update(JSON.stringify([name, email])).digest();
const key = [...bytes.subarray(0, 25)].map((byte) => '${alphabet}'[byte % 32]).join('').match(/.{5}/g).join('-');`;

  test("the step of license-key-check runs a site's generator against a program's validator", async () => {
    // The site can use any language; here a program that is called php.
    const php = join(temporaryDirectory('php'), 'php');
    writeFileSync(
      php,
      `#!/usr/bin/env node
const [file, ...given] = process.argv.slice(2);
if (file !== 'site/bin/make-key.php') process.exit(2);
const [name, email] = ['name', 'email'].map((key) => given.find((text) => text.startsWith('--' + key + '=')).slice(key.length + 3));
${keyOfCustomer}
console.log(key);
`,
      { mode: 0o755 },
    );
    const app = `#!/usr/bin/env node
const [option, name, email, given] = process.argv.slice(2);
${keyOfCustomer}
process.exit(option === '--check-license' && given === key ? 0 : 1);
`;
    const steps = [
      checkout,
      { run: 'chmod +x dist/app' },
      ...stepsOfBlock('actions/license-key-check/README.md#license-key-check').map((step) => ({
        ...step,
        // One case shows as well as many that the example works.
        with: { ...(step['with'] as object), cases: '1' },
      })),
    ];
    const options = {
      actions: ['license-key-check'],
      files: { 'dist/app': app, 'site/bin/make-key.php': '<?php' },
      programs: [php],
      secrets: { KEYGEN_SECRET: 'a secret of the site' },
    };
    const run = await runExample({ example: { steps } }, options);
    expect(run.exitCode, run.log).toBe(0);
    const wrong = {
      ...options,
      files: { ...options.files, 'dist/app': app.replace('[name, email]', '[email]') },
    };
    expect((await runExample({ example: { steps } }, wrong)).exitCode).toBe(1);
  });

  test('a shell that the reader starts gets the customer as an argument, whatever the address', async () => {
    const { generator } = parse(
      documentBlock('actions/license-key-check/README.md#commands').text,
    ) as Readonly<Record<string, string>>;
    const validator = `const { createHmac } = require('node:crypto');
const [email, given] = process.argv.slice(2);
const key = createHmac('sha256', process.env.KEYGEN_SECRET).update(email).digest('hex').slice(0, 25);
process.exit(given === key ? 0 : 1);
`;
    const step = {
      uses: 'your-org/slipway/actions/license-key-check@v1',
      with: {
        generator,
        validator: 'node check.cjs {email} {key}',
        'customer-fields': 'email',
        'key-pattern': '[0-9a-f]{25}',
        environment: 'KEYGEN_SECRET',
        cases: '1',
      },
      env: { KEYGEN_SECRET: expression('secrets.KEYGEN_SECRET') },
    };
    const run = await runExample(
      { example: { steps: [checkout, step] } },
      {
        actions: ['license-key-check'],
        files: { 'check.cjs': validator },
        secrets: { KEYGEN_SECRET: 'a secret of the site' },
      },
    );
    expect(run.exitCode, run.log).toBe(0);
  });
});

test('the picture of the guide to secure downloads has the jobs of both workflows, in their order', () => {
  const { text } = documentBlock('docs/guides/secure-downloads.md#secure-downloads');
  const jobsOf = (path: string): readonly string[] => {
    const shown = readFileSync(join(root, path), 'utf8');
    return Object.keys((parse(shown) as { readonly jobs: object }).jobs);
  };
  const chain = /build → (.*?) ──►/
    .exec(text)?.[1]
    ?.split(' → ')
    .map((step) => step.replaceAll(' ', '-'));
  const jobs = jobsOf('.github/workflows/download-release.yml');
  expect(jobs.filter((job) => chain?.includes(job))).toEqual(chain);
  expect(jobs).toContain('publish');
  expect(jobsOf('.github/workflows/download-receive.yml')).toContain('receive');
});
