import type { Clock, ObjectStore } from '@slipway/core';
import {
  beginRemembering,
  cdnPathOf,
  everythingUnder,
  pathsToHandOn,
  type Remembering,
  readPending,
} from '@slipway/pending-invalidations';
import type { IndexPlan } from '@slipway/simple-index';

/** What a CDN in front of one destination must forget: recorded there before anything is replaced (ADR 31). */
export class CdnPaths {
  readonly #store: ObjectStore;
  readonly #baseUrl: string | undefined;
  readonly #remembering: Remembering;
  readonly #paths = new Set<string>();
  #pending: readonly string[] = [];

  /** `baseUrl`: where the destination is served, if that is known. */
  constructor(store: ObjectStore, baseUrl: string | undefined, clock: Clock) {
    this.#store = store;
    this.#baseUrl = baseUrl;
    this.#remembering = beginRemembering(store, everythingUnder(baseUrl), clock);
  }

  /** Paths that earlier runs replaced, and for which no invalidation is proven. Throws what the store throws. */
  async readPending(): Promise<readonly string[]> {
    this.#pending = pathsToHandOn(await readPending(this.#store), () => []);
    return this.#pending;
  }

  /** Records what a plan replaces; nothing if it changes no page. If it throws, nothing may be replaced. */
  async remember(plan: IndexPlan): Promise<void> {
    await this.#remembering.add({ paths: this.note(plan) });
  }

  /** The paths of what a plan changes, which `all` has from now on. */
  note({ steps }: IndexPlan): readonly string[] {
    const paths = steps.flatMap(({ kind, key }) => (kind === 'write-state' ? [] : this.#pathsOf(key)));
    for (const path of paths) this.#paths.add(path);
    return paths;
  }

  /** Declares that this run replaces nothing more. */
  complete(): Promise<void> {
    return this.#remembering.complete();
  }

  /** Of this run and of earlier ones. */
  all(): readonly string[] {
    return [...this.#paths, ...this.#pending];
  }

  /** A page is also served at its directory, where web servers are set up for that. */
  #pathsOf(key: string): readonly string[] {
    const path = cdnPathOf(key, this.#baseUrl);
    return key.endsWith('index.html') ? [path, path.replace(/index\.html$/, '')] : [path];
  }
}
