import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { systemClock } from '@slipway/core';
import type { ActionDefinition } from '@slipway/runner';
import { type CommandSurroundings, runCommand } from '../src/run-command.ts';

export interface Ran {
  readonly status: number;
  readonly output: string;
  readonly error: string;
}

export type CommandOptions = Partial<CommandSurroundings> & {
  readonly stdin?: string;
  /** Whether standard output and standard error are terminals. */
  readonly isTTY?: boolean;
};

/** Runs `slipway` with `args` in `workDirectory`, with `action` alone or with the registry of the options. */
export async function command(
  action: Pick<ActionDefinition, 'name' | 'description'> | undefined,
  args: readonly string[],
  { stdin = '', isTTY, ...options }: CommandOptions = {},
): Promise<Ran> {
  let output = '';
  let error = '';
  const load = async () => ({ action: action as ActionDefinition });
  const status = await runCommand(args, {
    registry: action === undefined ? {} : { [action.name]: { description: action.description, load } },
    output: { write: (text) => (output += text), isTTY, columns: 40 },
    error: { write: (text) => (error += text), isTTY, columns: 40 },
    environment: { NO_COLOR: '1' },
    open: (path) => (path === '-' ? Readable.from([Buffer.from(stdin)]) : createReadStream(path)),
    clock: systemClock,
    workDirectory: process.cwd(),
    workerEntry: undefined,
    ...options,
  });
  return { status, output, error };
}
