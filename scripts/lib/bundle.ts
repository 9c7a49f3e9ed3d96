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
import { dirname, join } from 'node:path';
import { minify } from 'rolldown/utils';
import { runCommand } from './command.ts';
import { type Member, withDependencies } from './workspace.ts';

/** GitHub downloads a bundle with each use of an action: budgets for its JavaScript, all chunks together. */
const budgetBytes = 1_500_000;
const budgetWithAwsSdkBytes = 3_000_000;
/** The command line has all actions in it, and is downloaded by nobody's step. */
const budgetOfCommandLineBytes = 6_000_000;

export interface BundleResult {
  readonly sizeBytes: number;
  readonly budgetBytes: number;
  /** False when the bundle was there already, made from the same inputs. */
  readonly built: boolean;
  /** The AWS SDK is in the bundle of a member that does not speak to AWS. */
  readonly strayAwsSdk: boolean;
}

/**
 * Bundles the compiled `entry` of `member` into its `dist/`, with the licenses of everything in it. Does nothing when
 * `dist/` was made from the same files. The old bundle stays until the new one is complete. Throws an `Error` with
 * ncc's output when it fails.
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
    try {
      await compile(rootDirectory, join(rootDirectory, member.directory, entry), fresh);
      rmSync(dist, { recursive: true, force: true });
      renameSync(fresh, dist);
    } finally {
      rmSync(fresh, { recursive: true, force: true });
    }
    mkdirSync(dirname(stamp), { recursive: true });
    writeFileSync(stamp, inputs);
  }
  return {
    sizeBytes: javascriptBytes(dist),
    budgetBytes: budgetOf(member, speaksToAws),
    built: !upToDate,
    strayAwsSdk: !speaksToAws && /^@aws-sdk\//m.test(readFileSync(join(dist, 'licenses.txt'), 'utf8')),
  };
}

function budgetOf({ name }: Member, speaksToAws: boolean): number {
  if (name === 'cli') return budgetOfCommandLineBytes;
  return speaksToAws ? budgetWithAwsSdkBytes : budgetBytes;
}

async function compile(rootDirectory: string, entry: string, out: string): Promise<void> {
  const ncc = join(rootDirectory, 'node_modules/@vercel/ncc/dist/ncc/cli.js');
  const options = ['--target', 'es2022', '--license', 'licenses.txt', '--no-cache', '--quiet'];
  const { exitCode, output } = await runCommand(
    process.execPath,
    [ncc, 'build', entry, '-o', out, ...options],
    {
      cwd: rootDirectory,
    },
  );
  if (exitCode !== 0) throw new Error(output.trim());
  // ncc's own --minify leaves out the chunks of dynamic imports, which are most of a bundle.
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
}

/** A hash over all that decides what a bundle is: the compiled files, their manifests, the tools, and this file. */
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

function javascriptBytes(directory: string): number {
  return globSync('**/*.js', { cwd: directory }).reduce(
    (total, file) => total + statSync(join(directory, file)).size,
    0,
  );
}
