import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ServerProcess {
  /** What it printed so far, at most the last 64 KiB. */
  output(): string;
  /** Ends it, and resolves once it has exited. */
  stop(): Promise<void>;
}

export interface ServerProcessOptions {
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Whether it is ready; called until it is, and may throw until then. */
  readonly isReady: () => Promise<boolean>;
  readonly timeoutMs?: number;
}

const maxOutputCharacters = 64 * 1024;
const askEveryMs = 100;
const defaultTimeoutMs = 60_000;
const killAfterMs = 5_000;

/** Starts a server and waits until it is ready. Throws with what it printed when it ends or takes too long. */
export async function startServerProcess(
  program: string,
  { args, environment, isReady, timeoutMs = defaultTimeoutMs }: ServerProcessOptions,
): Promise<ServerProcess> {
  const child = spawn(program, args, {
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-maxOutputCharacters);
    });
  }
  const endWithUs = (): void => void child.kill('SIGKILL');
  process.once('exit', endWithUs);
  const stop = async (): Promise<void> => {
    process.off('exit', endWithUs);
    await stopProcess(child);
  };
  const untilMs = Date.now() + timeoutMs;
  while (!(await isReady().catch(() => false))) {
    if (child.exitCode !== null || Date.now() > untilMs) {
      await stop();
      throw new Error(`${program} is not ready:\n${output}`);
    }
    await sleep(askEveryMs);
  }
  return { output: () => output, stop };
}

async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => void child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  await ended;
  clearTimeout(timer);
}

/** Free ports of 127.0.0.1; if an offset is given, `port + offset` is free too. */
export async function freePorts(count: number, offset = 0): Promise<readonly number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    const port = await probe(0);
    if (port === undefined || ports.includes(port)) continue;
    if (offset === 0 || (port + offset < 65_536 && (await probe(port + offset)) !== undefined))
      ports.push(port);
  }
  return ports;
}

function probe(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? address?.port : undefined));
    });
  });
}
