import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Command } from './process.ts';
import type { SigningKey } from './workspace.ts';

const repository = fileURLToPath(new URL('../../..', import.meta.url));

/** Whose signatures count in a measurement; without a key, entries are unsigned. */
export type Trust = SigningKey | undefined;

/** The measured commands, as a user would give them. */
export class SlipwayProgram {
  readonly #start: readonly [program: string, ...args: string[]];
  readonly exists: boolean;

  /** The program at `path`, or else the bundle of the command line, as an installed one would be. */
  constructor(path: string | undefined) {
    const bundle = join(repository, 'packages/cli/dist/index.js');
    this.#start = path === undefined ? [process.execPath, bundle] : [path];
    this.exists = existsSync(path ?? bundle);
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
    return this.#run(['buildcache-sign', '--buildcache', staged, '--signing-key', `@${key.privateKeyFile}`]);
  }

  /** With the keys of the environment. */
  publishDirectory(directory: string, url: string, endpointUrl: string): Command {
    const place = ['--source', directory, '--destination', url];
    return this.#run(['s3-publish', ...place, '--endpoint-url', endpointUrl, '--force-path-style']);
  }

  /** Two windows, with the keys of the environment. */
  publishDownloads(
    files: readonly { readonly platform: string; readonly path: string }[],
    url: string,
    endpointUrl: string,
  ): Command {
    const lines = files.map(({ platform, path }) => `${platform}: ${path}`).join('\n');
    const command = this.#run([
      ...['download-publish', '--files', lines, '--destination', url, '--clock-tolerance', '10s'],
      ...['--endpoint-url', endpointUrl, '--force-path-style'],
    ]);
    return { ...command, env: { SLIPWAY_SECRET: 'a secret of a bench that is long enough' } };
  }

  /** Everything in a directory, under its own name. */
  pack(directory: string, archive: string, outputDirectory: string, level: number): Command {
    const what = ['--archives', `${archive}: "${directory}"`, '--compression-level', `${level}`];
    return this.#run(['archive-pack', ...what, '--output-directory', outputDirectory]);
  }

  #command(action: string, mirror: string, flags: readonly string[]): Command {
    return this.#run([action, '--mirror', pathToFileURL(mirror).href, ...flags]);
  }

  #run(flags: readonly string[]): Command {
    const [program, ...args] = this.#start;
    return { program, args: [...args, ...flags] };
  }
}

function trustFlags(trust: Trust): readonly string[] {
  return trust === undefined ? ['--allow-unsigned'] : ['--trusted-keys', `@${trust.publicKeyFile}`];
}

/** The existing bundles, by action. */
export function actionBundles(): ReadonlyMap<string, string> {
  const actions = join(repository, 'actions');
  const bundles = new Map<string, string>();
  for (const name of existsSync(actions) ? readdirSync(actions).sort() : []) {
    const bundle = join(actions, name, 'dist/index.js');
    if (existsSync(bundle)) bundles.set(name, bundle);
  }
  return bundles;
}
