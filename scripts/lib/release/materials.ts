import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { bundledPackages } from '../bundle.ts';
import { runCommand } from '../command.ts';
import { actionMembers, type Member } from '../workspace.ts';

/** A third-party package with code in the bundles. */
export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly author: string | undefined;
  /** Its license and notice files, which must be distributed with it. */
  readonly texts: readonly string[];
}

/** The contents of the bundles in a built repository. */
export interface Materials {
  readonly packages: readonly BundledPackage[];
  /** pnpm's CycloneDX document of all dependencies of the actions. */
  readonly bom: Bom;
}

interface Component {
  readonly purl: string;
  readonly group?: string;
  readonly 'bom-ref': string;
}

export interface Bom {
  readonly specVersion: string;
  readonly serialNumber?: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn?: readonly string[] }[];
}

/** The actions that have a bundle; composite actions have none. */
export function bundledActions(root: string): readonly Member[] {
  return actionMembers(root).filter(
    ({ directory }) => globSync(join(root, directory, 'src/index.ts')).length > 0,
  );
}

/** Installs the dependencies in `directory`, a fresh clone, and builds the bundle of every action. */
export async function buildBundles(directory: string, environment: NodeJS.ProcessEnv): Promise<void> {
  const names = bundledActions(directory).map(({ name }) => name);
  await run('bash', ['scripts/bundle', ...names], directory, environment);
}

/** Reads the contents of the bundles in a built repository. */
export async function readMaterials(directory: string): Promise<Materials> {
  const directories = new Set(
    bundledActions(directory).flatMap((member) => bundledPackages(directory, member)),
  );
  const packages = [...directories].map((path) => readPackage(join(directory, path)));
  const { packageManager } = readManifest<{ packageManager: string }>(directory);
  const filters = ['--filter', './actions/*'];
  const format = ['--sbom-format', 'cyclonedx', '--sbom-spec-version', '1.6', '--sbom-type', 'application'];
  const { output } = await run(
    'npx',
    ['--yes', packageManager, ...filters, 'sbom', '--prod', ...format],
    directory,
  );
  return {
    packages: packages.sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1)),
    bom: JSON.parse(output.slice(output.indexOf('{'))) as Bom,
  };
}

async function run(
  program: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<{ readonly output: string }> {
  const result = await runCommand(program, args, { cwd, env });
  if (result.exitCode !== 0)
    throw new Error(`${program} ${args.join(' ')} failed:\n${result.output.trimEnd()}`);
  return result;
}

function readManifest<Manifest>(directory: string): Manifest {
  return JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as Manifest;
}

function readPackage(directory: string): BundledPackage {
  const { name, version, license, author } = readManifest<{
    name: string;
    version: string;
    license?: string;
    author?: string | { name: string };
  }>(directory);
  const files = globSync('*', { cwd: directory }).filter((file) =>
    /^(licen[cs]e|copying|notice)/i.test(file),
  );
  return {
    name,
    version,
    license: license ?? 'see the text',
    author: typeof author === 'object' ? author.name : author,
    texts: files.sort().map((file) => readFileSync(join(directory, file), 'utf8').trim()),
  };
}

const idOf = ({ name, version }: BundledPackage): string => `${name}@${version}`;

/**
 * The third-party packages in the bundles, and their licenses. A package without a license file gets the text that SPDX
 * lists for its license; throws an `Error` when there is none.
 */
export function thirdPartyNotices(packages: readonly BundledPackage[]): string {
  const sections = packages.map((one) => {
    const texts = one.texts.length > 0 ? one.texts : [standardText(one)];
    return [`${idOf(one)}\nLicense: ${one.license}`, ...texts].join('\n\n');
  });
  const line = `\n\n${'-'.repeat(80)}\n\n`;
  return `${['The bundles of Slipway contain code of these packages.', ...sections].join(line)}\n`;
}

function standardText(one: BundledPackage): string {
  const listed = createRequire(import.meta.url).resolve('spdx-license-list');
  const path = join(dirname(listed), 'licenses', `${one.license}.json`);
  if (!existsSync(path))
    throw new Error(`${idOf(one)} has no license file, and SPDX lists no license "${one.license}"`);
  const { licenseText } = JSON.parse(readFileSync(path, 'utf8')) as { licenseText: string };
  return `By ${one.author ?? `the authors of ${one.name}`}. The package has no license file; this is the text of ${one.license}.\n\n${licenseText.trim()}`;
}

/** The bill of materials: the workspace and the bundled packages of pnpm's list. It is the same for the same commit. */
export function billOfMaterials({ bom, packages }: Materials, commit: string, timeSeconds: number): Bom {
  const bundled = new Set(packages.map(purlOf));
  const components = bom.components
    .filter(({ purl, group }) => group === '@slipway' || bundled.has(purl))
    .sort((a, b) => (a.purl < b.purl ? -1 : 1));
  const listed = new Set(components.map(({ purl }) => purl));
  const missing = [...bundled].filter((purl) => !listed.has(purl));
  if (missing.length > 0)
    throw new Error(`the bundles contain packages that pnpm does not list: ${missing.join(', ')}`);
  const { component } = bom.metadata as { component: Component };
  const refs = new Set([component['bom-ref'], ...components.map((one) => one['bom-ref'])]);
  return {
    ...bom,
    serialNumber: `urn:uuid:${uuidOf(commit)}`,
    metadata: { ...bom.metadata, timestamp: new Date(timeSeconds * 1000).toISOString() },
    components,
    dependencies: bom.dependencies
      .filter(({ ref }) => refs.has(ref))
      .map(({ ref, dependsOn = [] }) => ({
        ref,
        dependsOn: dependsOn.filter((other) => refs.has(other)).sort(),
      }))
      .sort((a, b) => (a.ref < b.ref ? -1 : 1)),
  };
}

function purlOf({ name, version }: BundledPackage): string {
  return `pkg:npm/${name.replace('@', '%40')}@${version}`;
}

/** A UUID of version 8, derived from a text. */
function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}
