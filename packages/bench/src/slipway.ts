import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Command } from './process.ts';
import type { SigningKey } from './workspace.ts';

const repository = fileURLToPath(new URL('../../..', import.meta.url));

/** Whose signatures count in a measurement; without a key, entries are unsigned. */
export type Trust = SigningKey | undefined;

/** The commands that are measured, as a user would give them. */
export class SlipwayProgram {
  readonly #program: string;

  constructor(program: string = join(repository, 'scripts/slipway')) {
    this.#program = program;
  }

  get exists(): boolean {
    return existsSync(this.#program);
  }

  rebuildIndex(mirror: string, trust: Trust): Command {
    return this.#command('buildcache-index', mirror, ['--operation', 'rebuild', ...trustFlags(trust)]);
  }

  updateIndex(mirror: string, trust: Trust): Command {
    return this.#command('buildcache-index', mirror, ['--operation', 'update', ...trustFlags(trust)]);
  }

  publish(staged: string, mirror: string, trust: Trust): Command {
    return this.#command('buildcache-publish', mirror, ['--buildcache', staged, ...trustFlags(trust)]);
  }

  verify(mirror: string, level: 'metadata' | 'full', trust: Trust): Command {
    return this.#command('buildcache-verify', mirror, ['--level', level, ...trustFlags(trust)]);
  }

  sign(staged: string, key: SigningKey): Command {
    const args = ['buildcache-sign', '--buildcache', staged, '--signing-key', `@${key.privateKeyFile}`];
    return { program: this.#program, args };
  }

  #command(action: string, mirror: string, flags: readonly string[]): Command {
    return { program: this.#program, args: [action, '--mirror', pathToFileURL(mirror).href, ...flags] };
  }
}

function trustFlags(trust: Trust): readonly string[] {
  return trust === undefined ? ['--allow-unsigned'] : ['--trusted-keys', `@${trust.publicKeyFile}`];
}

/** The bundles of the actions that have been made, by action. */
export function actionBundles(): ReadonlyMap<string, string> {
  const actions = join(repository, 'actions');
  const bundles = new Map<string, string>();
  for (const name of existsSync(actions) ? readdirSync(actions).sort() : []) {
    const bundle = join(actions, name, 'dist/index.js');
    if (existsSync(bundle)) bundles.set(name, bundle);
  }
  return bundles;
}
