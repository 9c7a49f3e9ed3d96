import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import type { DocumentBlock } from './document-blocks.ts';
import { compileCache, temporaryDirectory } from './fixtures.ts';

const root = resolve(import.meta.dirname, '../../..');
/** Nothing listens on the port of `discard`, so requests that would leave this machine through a proxy fail at once. */
const nowhere = 'http://127.0.0.1:9';

/** The reader's placeholders in a block → their values here. */
export type Replacements = Readonly<Record<string, string>>;

export interface ShellBlockOptions {
  /** The working directory; an empty directory by default. */
  readonly directory?: string;
  /** In addition to `PATH`, `HOME`, `TMPDIR` and `LANG`; nothing else of this process's environment is passed. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly replacements?: Replacements;
  /**
   * Scripts for `sh` by the names that the block calls them by: found on `PATH`, or relative to the directory if the name has a
   * slash.
   */
  readonly programs?: Readonly<Record<string, string>>;
}

export interface ShellBlockRun {
  readonly exitCode: number | null;
  /** Standard output. */
  readonly output: string;
  /** Standard error. */
  readonly error: string;
}

/** `text` with all `replacements` made. Throws if one matches nothing, because the document has changed. */
export function withReplacements(text: string, replacements: Replacements): string {
  const names = Object.keys(replacements).sort((a, b) => b.length - a.length);
  const missing = names.find((name) => !text.includes(name));
  if (missing !== undefined) throw new Error(`the block does not contain ${missing}`);
  if (names.length === 0) return text;
  const pattern = new RegExp(names.map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|'), 'g');
  return text.replace(pattern, (name) => replacements[name] ?? '');
}

/** Runs a block marked `sh` as if its lines were typed one after the other, up to the first that fails. Throws if it would leave this machine. */
export function runShellBlock(block: DocumentBlock, options: ShellBlockOptions = {}): Promise<ShellBlockRun> {
  if (block.language !== 'sh') throw new Error(`${block.name} is marked ${block.language || 'as nothing'}`);
  const script = withReplacements(block.text, options.replacements ?? {});
  const [foreign] = foreignHosts(script);
  if (foreign !== undefined) throw new Error(`${block.name} would reach ${foreign}`);
  const parent = temporaryDirectory('shell');
  const home = join(parent, 'home');
  mkdirSync(home);
  const directory = options.directory ?? join(parent, 'directory');
  mkdirSync(directory, { recursive: true });
  const programs = join(parent, 'programs');
  mkdirSync(programs);
  for (const [name, text] of Object.entries(options.programs ?? {})) {
    const path = name.includes('/') ? join(directory, name) : join(programs, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  }
  const child = spawn('sh', ['-eu', '-c', script], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: [programs, dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter),
      HOME: home,
      TMPDIR: parent,
      LANG: 'C.UTF-8',
      HTTP_PROXY: nowhere,
      HTTPS_PROXY: nowhere,
      NO_PROXY: '127.0.0.1',
      ...compileCache(),
      ...options.environment,
    },
  });
  return new Promise((resolve, reject) => {
    let output = '';
    let error = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      error += text;
    });
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, output, error }));
  });
}

/** `scripts/slipway` for `programs`, and `slipway`: the command line from its sources, without building anything. */
export function commandLinePrograms(): Readonly<Record<string, string>> {
  const words = [process.execPath, '--conditions=source', join(root, 'packages/cli/src/main.ts')];
  const script = `exec ${words.map((word) => `'${word}'`).join(' ')} "$@"`;
  return { 'scripts/slipway': script, slipway: script };
}

/** Hosts of URLs that are not on this machine. */
export function foreignHosts(text: string): readonly string[] {
  const hosts = [...text.matchAll(/\bhttps?:\/\/([^\s/"'`:)]+)/g)].map(([, host = '']) => host);
  return hosts.filter((host) => host !== '127.0.0.1' && host !== 'localhost');
}
