import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { RemoteError, UserError } from '@slipway/core';
import { defineAction, input } from '@slipway/runner';

const inputs = {
  mode: input.choice({
    description: 'What to do.',
    choices: [
      'echo',
      'fail',
      'fail-late',
      'crash',
      'reject',
      'hang',
      'many',
      'worker',
      'undeclared',
      'hostile',
      'big',
      'late-secret',
    ],
    default: 'echo',
  }),
  title: input.requiredText({ description: 'A text that becomes an output.' }),
  'signing-key': input.secret({ description: 'A secret, which every mode tries to give away.' }),
  count: input.integer({ description: 'How many.', default: '3', minimum: 1, maximum: 100_000 }),
  'dry-run': input.boolean({ description: 'Only tell.', default: 'false' }),
  'only-with-dry-run': input.text({ description: 'Needs dry-run.' }),
  report: input.path({ description: 'Where the report goes.' }),
};

/** An action for tests of the front ends: it does on purpose what actions must not get away with. */
export const action = defineAction({
  name: 'fixture-action',
  description: 'Tests the front ends.',
  inputs,
  outputs: {
    title: { description: 'The title.' },
    count: { description: 'The count.' },
    report: { description: 'The report.', kind: 'file' },
    unset: { description: 'Never set.' },
  },
  checkInputs: (given) =>
    given.onlyWithDryRun !== undefined && !given.dryRun ? ['only-with-dry-run needs dry-run'] : [],
  async run({ mode, title, signingKey = '', count, report }, { progress, workerEntry, environment, mask }) {
    progress.start('Look at the title', count, 'entries');
    progress.advance(count);
    progress.info(`the secret is ${signingKey}`);
    progress.debug(`the secret is still ${signingKey}`);
    if (mode === 'late-secret') {
      const late = environment['LATE_SECRET'] ?? '';
      mask(late);
      throw new UserError('content-invalid', `born late: ${late}`, { cause: new Error(late) });
    }
    if (mode === 'fail') {
      throw new UserError('buildcache-empty', `nothing is at ${signingKey}`, {
        hint: `Look at ${signingKey}.`,
        cause: new Error(`cause with ${signingKey}`),
      });
    }
    if (mode === 'crash') queueMicrotask(() => fail(signingKey));
    if (mode === 'reject') void Promise.reject(new Error(`rejected with ${signingKey}`));
    if (mode === 'crash' || mode === 'reject' || mode === 'hang') await sleep(60_000);
    if (mode === 'hostile') progress.info(`${title}\n::set-output name=a::b\n  ::stop-commands::x`);
    const computed = mode === 'worker' ? await inWorker(workerEntry) : title;
    const some = mode === 'many' ? count : 1;
    return {
      outputs: {
        title: mode === 'big' ? 'x'.repeat(1_100_000) : `${computed}${signingKey}`,
        count,
        ...(mode === 'undeclared' ? { surprise: 1 } : {}),
      },
      files: [
        {
          output: 'report',
          path: report,
          defaultName: 'report.json',
          contents: JSON.stringify({ title, signingKey }),
        },
      ],
      summary: [
        { kind: 'heading', text: title },
        { kind: 'table', head: ['key'], rows: Array.from({ length: some }, () => [`${title}${signingKey}`]) },
      ],
      problems: Array.from({ length: some }, (_, index) => ({
        code: 'odd-title',
        severity: mode === 'many' && index % 2 === 0 ? ('error' as const) : ('notice' as const),
        key: `key-${index}`,
        message: `odd ${signingKey}`,
      })),
      failure: mode === 'fail-late' ? new RemoteError('unreachable', `lost ${signingKey}`) : undefined,
    };
  },
});

export async function worker(): Promise<void> {
  parentPort?.postMessage(`from ${isMainThread ? 'main' : 'a worker'}`);
}

function inWorker(entry: string | undefined): Promise<string> {
  return new Promise((resolve, reject) => {
    if (entry === undefined) return reject(new Error('no worker entry'));
    new Worker(entry).once('message', resolve).once('error', reject);
  });
}

function fail(secret: string): never {
  throw new Error(`crashed with ${secret}`);
}
