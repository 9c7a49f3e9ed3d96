import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '@slipway/core';
import { exportPublicKey, openSigner, type Signer } from '@slipway/signing';
import { makeKey } from '@slipway/testkit';
import { generateMirror } from './mirror.ts';

const seed = 1;
const payloadBytes = 2048;

export interface SigningKey {
  readonly privateKeyFile: string;
  readonly publicKeyFile: string;
  readonly fingerprint: string;
}

/** A directory with the mirrors that measurements need, each made on demand and kept between runs. */
export class Workspace {
  readonly directory: string;
  readonly #say: (line: string) => void;
  #signer: Promise<Signer> | undefined;

  constructor(directory: string, say: (line: string) => void) {
    this.directory = directory;
    this.#say = say;
    mkdirSync(directory, { recursive: true });
  }

  /** A path for a measurement's own files. */
  path(name: string): string {
    return join(this.directory, name);
  }

  /** Entries `firstEntry` onwards as Spack would have staged them: unsigned, without an index. */
  staged(entryCount: number, firstEntry = 0): Promise<string> {
    return this.#mirror(`staged-${firstEntry}+${entryCount}`, entryCount, firstEntry, false, false);
  }

  /** The same, signed. */
  signedStaged(entryCount: number, firstEntry = 0): Promise<string> {
    return this.#mirror(`signed-staged-${firstEntry}+${entryCount}`, entryCount, firstEntry, true, false);
  }

  /** A signed mirror with an index. */
  signedMirror(entryCount: number): Promise<string> {
    return this.#mirror(`signed-mirror-${entryCount}`, entryCount, 0, true, true);
  }

  /** An unsigned mirror with an index. */
  unsignedMirror(entryCount: number): Promise<string> {
    return this.#mirror(`unsigned-mirror-${entryCount}`, entryCount, 0, false, true);
  }

  async #mirror(
    name: string,
    entryCount: number,
    firstEntry: number,
    signed: boolean,
    index: boolean,
  ): Promise<string> {
    const directory = this.path(name);
    if (existsSync(directory)) return directory;
    this.#say(`making ${name}`);
    const part = `${directory}.part`;
    rmSync(part, { recursive: true, force: true });
    const signer = signed ? await this.signer() : undefined;
    await generateMirror({ directory: part, entryCount, firstEntry, seed, payloadBytes, signer, index });
    renameSync(part, directory);
    return directory;
  }

  /** The key of this workspace; made once. */
  async signingKey(): Promise<SigningKey> {
    const { publicKey } = await this.signer();
    return {
      privateKeyFile: this.path('signing-key.asc'),
      publicKeyFile: this.path('public-key.asc'),
      fingerprint: publicKey.fingerprint,
    };
  }

  signer(): Promise<Signer> {
    this.#signer ??= this.#openSigner();
    return this.#signer;
  }

  async #openSigner(): Promise<Signer> {
    const file = this.path('signing-key.asc');
    if (!existsSync(file)) {
      const key = await makeKey({ type: 'rsa4096', userId: 'Slipway bench (throwaway)' });
      writeFileSync(file, key.privateArmored, { mode: 0o600 });
    }
    const armoredKey = readFileSync(file, 'utf8');
    const signer = await openSigner({ armoredKey, passphrase: undefined, clock: systemClock });
    writeFileSync(this.path('public-key.asc'), exportPublicKey(signer.publicKey));
    return signer;
  }
}

/**
 * Makes `target` a copy of `source` with hard links, so that copying is cheap and shares the page cache. Users of
 * it must replace files and not write into them.
 */
export function linkedCopy(source: string, target: string): void {
  rmSync(target, { recursive: true, force: true });
  execFileSync('cp', ['-al', source, target]);
}

/** Adds the files of `source` to `target`, replacing existing files instead of writing into them. */
export function addFiles(source: string, target: string): void {
  execFileSync('cp', ['-a', '--remove-destination', `${source}/.`, target]);
}
