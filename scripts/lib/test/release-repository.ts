import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { temporaryDirectory } from '@slipway/testkit';
import { execute, type Result, type Workplace } from '../release/execute.ts';
import { bundledActions, readMaterials } from '../release/materials.ts';
import { observe, type ReleaseRequest } from '../release/observe.ts';
import { type Plan, plan } from '../release/plan.ts';
import { root } from '../workspace.ts';

/** A repository with the files of this one, as one commit on `main`, and a bare one that it pushes to. */
export class ReleaseRepository {
  readonly directory = join(temporaryDirectory('released'), 'slipway');
  readonly remote = join(temporaryDirectory('remote'), 'slipway.git');

  constructor(changesets: Readonly<Record<string, string>>) {
    const listed = execFileSync('git', ['ls-files', '-coz', '--exclude-standard'], { cwd: root });
    const files = listed.toString('utf8').split('\0');
    const isChangeset = /^\.changeset\/(?!README\.md$)|^CHANGELOG\.md$/;
    for (const file of files) {
      if (file === '' || isChangeset.test(file) || !existsSync(join(root, file))) continue;
      cpSync(join(root, file), join(this.directory, file), { recursive: true, verbatimSymlinks: true });
    }
    execFileSync('git', ['init', '--quiet', '--bare', '--initial-branch=main', this.remote]);
    this.git('init', '--quiet', '--initial-branch=main');
    this.git('config', 'user.name', 'Releaser');
    this.git('config', 'user.email', 'releaser@example.org');
    this.git('remote', 'add', 'origin', this.remote);
    this.commit(changesets, 'As it is on main');
    this.git('push', '--quiet', 'origin', 'main');
  }

  git(...args: readonly string[]): string {
    return execFileSync('git', args, { cwd: this.directory, encoding: 'utf8', stdio: 'pipe' }).trimEnd();
  }

  commit(files: Readonly<Record<string, string>>, message: string): void {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(this.directory, path)), { recursive: true });
      writeFileSync(join(this.directory, path), text);
    }
    this.git('add', '--all');
    this.git('commit', '--quiet', '--message', message);
  }

  /** A directory with what a tag has, as whoever clones it gets it. */
  checkout(tag: string, from: string = this.directory): string {
    const directory = join(temporaryDirectory('tagged'), 'slipway');
    this.git('clone', '--quiet', '--branch', tag, from, directory);
    return directory;
  }

  /** Every reference of the repository, or of its remote, and where it leads. */
  refs(directory: string = this.directory): Readonly<Record<string, string>> {
    const lines = execFileSync('git', ['for-each-ref', '--format=%(refname) %(objectname)'], {
      cwd: directory,
      encoding: 'utf8',
    });
    return Object.fromEntries(
      lines
        .trim()
        .split('\n')
        .map((line) => line.split(' ') as [string, string]),
    );
  }

  async plan(request: ReleaseRequest, hasKey: boolean): Promise<Plan> {
    const planned = plan(await observe(this.directory, request, hasKey));
    if ('problems' in planned) throw new Error(planned.problems.join('; '));
    return planned;
  }

  /** Releases with the bundles that are here already: building them twice takes minutes. */
  async release(request: Partial<ReleaseRequest>, options: Partial<Workplace> = {}): Promise<Result> {
    const { signing } = options;
    const all = { version: '0.1.0', push: false, unsigned: signing === undefined, ...request };
    const planned = await this.plan(all, signing !== undefined);
    return execute(planned, {
      root: this.directory,
      room: temporaryDirectory('release-room'),
      signing,
      nowMs: Date.parse('2026-11-28T12:00:00Z'),
      build: takeBundles,
      readMaterials: () => readMaterials(root),
      say: () => {},
      ...options,
    });
  }
}

/** Puts the bundles of this repository where a build would make them. */
export async function takeBundles(directory: string): Promise<void> {
  for (const { directory: action } of bundledActions(root)) {
    const dist = join(root, action, 'dist');
    if (!existsSync(dist)) throw new Error(`${action} is not bundled: scripts/bundle does that`);
    cpSync(dist, join(directory, action, 'dist'), { recursive: true });
  }
}

export const changeset = (bump: string, text: string): string => `---\n"slipway": ${bump}\n---\n\n${text}\n`;
