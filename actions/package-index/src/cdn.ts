import type { Clock, ObjectStore } from '@slipway/core';
import {
  beginRemembering,
  cdnPathOf,
  everythingUnder,
  type PendingPublish,
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
  #pending: readonly PendingPublish[] = [];

  /** `baseUrl`: where the destination is served, if that is known. */
  constructor(store: ObjectStore, baseUrl: string | undefined, clock: Clock) {
    this.#store = store;
    this.#baseUrl = baseUrl;
    this.#remembering = beginRemembering(store, everythingUnder(baseUrl), clock);
  }

  /** Reads what earlier publishes to this destination replaced. Throws what the store throws. */
  async readPending(): Promise<void> {
    this.#pending = await readPending(this.#store);
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

  /** Paths of this run. */
  own(): Iterable<string> {
    return this.#paths;
  }

  /**
   * Paths that earlier publishes replaced and whose invalidation is not proven, given the keys that this run knows: other publishers
   * record digests. Everything, if one of them is none of these.
   */
  pending(knownKeys: () => Iterable<string>): readonly string[] {
    const baseUrl = this.#baseUrl;
    const own = this.#paths;
    return pathsToHandOn(this.#pending, function* () {
      yield* own;
      for (const key of knownKeys()) yield cdnPathOf(key, baseUrl);
    });
  }

  /** A page is also served at its directory, where web servers are set up for that. */
  #pathsOf(key: string): readonly string[] {
    const path = cdnPathOf(key, this.#baseUrl);
    return key.endsWith('index.html') ? [path, path.replace(/index\.html$/, '')] : [path];
  }
}
