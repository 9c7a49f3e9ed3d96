import { createHash } from 'node:crypto';
import {
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { minify } from 'rolldown/utils';
import { runCommand } from './command.ts';
import { type Member, withDependencies } from './workspace.ts';

/** GitHub downloads the bundle for each use of an action. These are the budgets for all of its JavaScript. */
const budgetBytes = 1_500_000;
const budgetWithAwsSdkBytes = 3_000_000;
/** For what every command loads. Its own code comes in chunks, which its action's budget covers. */
const budgetOfCommandLineStartBytes = 100_000;

export interface BundleResult {
  readonly sizeBytes: number;
  readonly budgetBytes: number;
  /** False if the bundle was up to date. */
  readonly built: boolean;
  /** Whether the bundle contains the AWS SDK although the member does not use AWS. */
  readonly strayAwsSdk: boolean;
}

/**
 * Bundles the compiled `entry` of `member` into its `dist/`, with the licenses of everything in it. Does nothing if `dist/` was
 * built from the same files. The old bundle stays until the new one is complete. Throws an `Error` with ncc's output if it fails.
 */
export async function bundleMember(
  rootDirectory: string,
  member: Member,
  members: readonly Member[],
  entry: string,
): Promise<BundleResult> {
  const closure = withDependencies(member, members);
  const dist = join(rootDirectory, member.directory, 'dist');
  const stamp = join(rootDirectory, '.cache/bundles', member.name);
  const inputs = hashInputs(rootDirectory, closure);
  const speaksToAws = closure.some(({ name }) => name === 'aws-actions');
  const upToDate =
    existsSync(join(dist, 'index.js')) && existsSync(stamp) && readFileSync(stamp, 'utf8') === inputs;
  if (!upToDate) {
    const fresh = `${dist}.${process.pid}.partial`;
    mkdirSync(dirname(stamp), { recursive: true });
    try {
      const packages = await compile(rootDirectory, join(rootDirectory, member.directory, entry), fresh);
      rmSync(dist, { recursive: true, force: true });
      renameSync(fresh, dist);
      writeFileSync(packagesFile(rootDirectory, member), JSON.stringify(packages));
    } finally {
      rmSync(fresh, { recursive: true, force: true });
    }
    writeFileSync(stamp, inputs);
  }
  return {
    sizeBytes: javascriptBytes(dist, member.name === 'cli' ? 'index.js' : '**/*.js'),
    budgetBytes: budgetOf(member, speaksToAws),
    built: !upToDate,
    strayAwsSdk: !speaksToAws && /^@aws-sdk\//m.test(readFileSync(join(dist, 'licenses.txt'), 'utf8')),
  };
}

function budgetOf({ name }: Member, speaksToAws: boolean): number {
  if (name === 'cli') return budgetOfCommandLineStartBytes;
  return speaksToAws ? budgetWithAwsSdkBytes : budgetBytes;
}

/** The third-party packages in the bundle of `member`, as directories below the root. */
export function bundledPackages(rootDirectory: string, member: Member): readonly string[] {
  return JSON.parse(readFileSync(packagesFile(rootDirectory, member), 'utf8')) as readonly string[];
}

function packagesFile(rootDirectory: string, { name }: Member): string {
  return join(rootDirectory, '.cache/bundles', `${name}.packages.json`);
}

/** Returns the packages that are in the bundle. */
async function compile(rootDirectory: string, entry: string, out: string): Promise<readonly string[]> {
  const ncc = join(rootDirectory, 'node_modules/@vercel/ncc/dist/ncc/cli.js');
  const stats = join(out, 'stats.json');
  const options = ['--target', 'es2022', '--license', 'licenses.txt', '--no-cache', '--quiet'];
  const { exitCode, output } = await runCommand(
    process.execPath,
    [ncc, 'build', entry, '-o', out, ...options, '--stats-out', stats],
    {
      cwd: rootDirectory,
    },
  );
  if (exitCode !== 0) throw new Error(output.trim());
  // ncc's own --minify skips the chunks of dynamic imports, which are most of a bundle.
  for (const file of globSync('**/*.js', { cwd: out })) {
    const path = join(out, file);
    const { code, errors } = await minify(file, readFileSync(path, 'utf8'), {
      module: true,
      compress: { target: 'es2022' },
      mangle: true,
    });
    if (errors.length > 0) throw new Error(`${file} cannot be minified: ${JSON.stringify(errors)}`);
    writeFileSync(path, code);
  }
  const packages = packagesOf(JSON.parse(readFileSync(stats, 'utf8')) as WebpackModule);
  rmSync(stats);
  return packages.map((directory) => relative(rootDirectory, directory).replaceAll('\\', '/'));
}

/** A module in webpack's statistics, or several that it joined. */
interface WebpackModule {
  readonly nameForCondition?: string | null;
  readonly orphan?: boolean;
  readonly modules?: readonly WebpackModule[];
}

/** The directories of the packages in `node_modules` whose modules are in the output. */
function packagesOf(whole: WebpackModule): readonly string[] {
  const found = new Set<string>();
  const visit = ({ nameForCondition, modules = [] }: WebpackModule): void => {
    const directory = /^.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+/.exec(nameForCondition ?? '')?.[0];
    if (directory !== undefined) found.add(directory);
    for (const module of modules) if (module.orphan !== true) visit(module);
  };
  visit(whole);
  return [...found].sort();
}

/** A hash of everything that determines a bundle: the compiled files, their manifests, the tools, and this file. */
function hashInputs(rootDirectory: string, closure: readonly Member[]): string {
  const files = closure.flatMap(({ directory }) => [
    `${directory}/package.json`,
    ...globSync(`${directory}/build/**/*.js`, { cwd: rootDirectory }),
  ]);
  const hash = createHash('sha256');
  for (const file of [...files.sort(), 'pnpm-lock.yaml', 'scripts/lib/bundle.ts']) {
    const contents = readFileSync(join(rootDirectory, file));
    hash.update(`${file} ${contents.length}\n`).update(contents);
  }
  return hash.digest('hex');
}

function javascriptBytes(directory: string, files: string): number {
  return globSync(files, { cwd: directory }).reduce(
    (total, file) => total + statSync(join(directory, file)).size,
    0,
  );
}
