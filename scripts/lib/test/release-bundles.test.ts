import { cpSync, existsSync, realpathSync } from 'node:fs';
import { join, relative } from 'node:path';
import { temporaryDirectory } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { bundledPackages, bundleMember } from '../bundle.ts';
import { bundleHashes, differences } from '../release/files.ts';
import { billOfMaterials, readMaterials, thirdPartyNotices } from '../release/materials.ts';
import { root, withDependencies, workspaceMembers } from '../workspace.ts';

describe('a bundle', () => {
  test('has the same bytes, whatever folder it is built in', async () => {
    const folders = ['one', 'another/and/much/longer/folder'].map((name) =>
      join(temporaryDirectory('folder'), name),
    );
    for (const directory of folders) await buildElsewhere(directory, 'archive-pack');
    const [first = new Map(), second = new Map()] = folders.map(bundleHashes);
    expect(first.size).toBeGreaterThan(2);
    expect(differences(first, second)).toEqual([]);
  }, 300_000);

  test('that has a package which the lockfile does not list is refused', async () => {
    const materials = await readMaterials(root);
    const stranger = { name: '@a/stranger', version: '1.0.0', license: 'MIT', author: undefined, texts: [] };
    const packages = [...materials.packages, stranger];
    expect(() => billOfMaterials({ ...materials, packages }, 'a'.repeat(40), 0)).toThrow(
      'pkg:npm/%40a/stranger@1.0.0',
    );
  });

  test('with a package that has no license file gets the text of its license, or is refused', () => {
    const bare = { name: 'bare', version: '1.0.0', author: 'A. Nother', texts: [] };
    const notices = thirdPartyNotices([{ ...bare, license: 'ISC' }]);
    expect(notices).toMatch(
      /bare@1\.0\.0\nLicense: ISC\n\nBy A\. Nother\. [\s\S]*Permission to use, copy, modify/,
    );
    expect(() => thirdPartyNotices([{ ...bare, license: 'its own' }])).toThrow('bare@1.0.0');
  });
});

/** Builds the bundle of an action from what is compiled and installed here, in another folder. */
async function buildElsewhere(directory: string, name: string): Promise<void> {
  const copy = (path: string): void =>
    cpSync(join(root, path), join(directory, path), { recursive: true, verbatimSymlinks: true });
  const members = workspaceMembers();
  const action = members.find((member) => member.name === name);
  if (action === undefined) throw new Error(`there is no ${name}`);
  for (const file of ['pnpm-lock.yaml', 'scripts/lib/bundle.ts']) copy(file);
  for (const member of withDependencies(action, members))
    for (const part of ['package.json', 'build', 'node_modules']) {
      if (existsSync(join(root, member.directory, part))) copy(`${member.directory}/${part}`);
    }
  const bundler = relative(root, realpathSync(join(root, 'node_modules/@vercel/ncc')));
  for (const path of [bundler, ...bundledPackages(root, action)])
    copy(path.replace(/(\/\.pnpm\/[^/]+\/node_modules)\/.*$/, '$1'));
  copy('node_modules/@vercel');
  await bundleMember(directory, action, members, 'build/index.js');
}
