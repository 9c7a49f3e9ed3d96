#!/usr/bin/env node
import { createReadStream } from 'node:fs';
import { constants } from 'node:os';
import { getEnvironmentData, isMainThread } from 'node:worker_threads';
import { InternalError, keepYoungGenerationSmall, Redactor, systemClock } from '@slipway/core';
import { failureText } from '@slipway/runner';
import { registry } from './registry.ts';
import { runCommand, workerActionKey } from './run-command.ts';

/** How long open handles may keep the process alive after its work is done. */
const lingerMs = 2_000;

async function main(): Promise<void> {
  let redactor = new Redactor();
  const crash = (reason: unknown): void => {
    const message = reason instanceof Error ? reason.message : String(reason);
    const text = failureText('slipway', new InternalError(message, { cause: reason }));
    process.stderr.write(`${redactor.redact(text)}\n`, () => process.exit(1));
  };
  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      process.stderr.write(`\nslipway was cancelled (${signal}).\n`, () =>
        process.exit(128 + constants.signals[signal]),
      );
    });
  }
  // A reader that stops early, such as `head`, is not a failure.
  process.stdout.on('error', () => process.exit(0));
  process.exitCode = await runCommand(process.argv.slice(2), {
    registry,
    output: process.stdout,
    error: process.stderr,
    environment: process.env,
    open: (path) => (path === '-' ? process.stdin : createReadStream(path)),
    clock: systemClock,
    workDirectory: process.cwd(),
    workerEntry: process.argv[1],
    onRedactor: (fresh) => {
      redactor = fresh;
    },
  });
  setTimeout(() => process.exit(), lingerMs).unref();
}

if (isMainThread) {
  keepYoungGenerationSmall();
  await main();
} else {
  const name = getEnvironmentData(workerActionKey);
  await (await registry[String(name)]?.load())?.worker?.();
}
