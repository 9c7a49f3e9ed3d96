import { type Expectation, proveServed, type Served } from '@slipway/aws';
import {
  asSlipwayError,
  counted,
  type Environment,
  type ObjectStore,
  type SlipwayError,
  UserError,
  unreachable,
} from '@slipway/core';
import { forgetProven } from '@slipway/pending-invalidations';
import { type InvalidationPorts, Invalidations, type MadeInvalidation } from './invalidations.ts';
import type { ForgetStep } from './pending.ts';
import { batchesFor, type Plan } from './plan.ts';

export interface ProvenUrl {
  readonly expectation: Expectation;
  readonly served: Served;
}

export interface Result {
  readonly invalidations: readonly MadeInvalidation[];
  readonly proofs: readonly ProvenUrl[];
  /** Whether stale URLs that no path covers were also invalidated. */
  readonly mended: boolean;
  /** Whether the CDN serves Slipway's own records in the destination. */
  readonly ownUrlServed: boolean;
  /** Why proven paths are still pending in the destination. */
  readonly notForgotten: string | undefined;
  /** Undefined when there are no tags, or when the distribution's configuration may not be read. */
  readonly cacheTagHeader: string | undefined;
  readonly failure: SlipwayError | undefined;
}

export interface Ports extends InvalidationPorts {
  /** What remembers the paths that are pending. */
  readonly destination: ObjectStore | undefined;
  readonly environment: Environment;
  readonly proveMs: number;
}

/**
 * Carries the plan out, and returns what was done even if it fails. If an invalidation turns out to be an old one with the same
 * reference, and its paths are not served as published, another one is created.
 */
export async function execute(plan: Plan, ports: Ports): Promise<Result> {
  const run = new Run(plan, ports);
  try {
    await run.all();
    return run.result(undefined);
  } catch (error) {
    return run.result(asSlipwayError(error));
  } finally {
    run.close();
  }
}

class Run {
  readonly #plan: Plan;
  readonly #ports: Ports;
  readonly #invalidations: Invalidations;
  #proofs: readonly ProvenUrl[] = [];
  #mended = false;
  #ownUrlServed = false;
  #notForgotten: string | undefined;
  #cacheTagHeader: string | undefined;

  constructor(plan: Plan, ports: Ports) {
    this.#plan = plan;
    this.#ports = ports;
    this.#invalidations = new Invalidations(plan.publish, ports);
  }

  result(failure: SlipwayError | undefined): Result {
    return {
      cacheTagHeader: this.#cacheTagHeader,
      mended: this.#mended,
      ownUrlServed: this.#ownUrlServed,
      notForgotten: this.#notForgotten,
      invalidations: this.#invalidations.made,
      proofs: this.#proofs,
      failure,
    };
  }

  async all(): Promise<void> {
    for (const step of this.#plan.steps) {
      switch (step.kind) {
        case 'check-cache-tags':
          await this.#checkCacheTags();
          break;
        case 'invalidate':
          await this.#invalidations.make(step.batch);
          break;
        case 'wait':
          await this.#invalidations.wait();
          break;
        case 'prove':
          await this.#prove(step.expectations);
          break;
        case 'check-hidden':
          this.#ownUrlServed = await this.#isServed(step.url);
          break;
        case 'forget-proven':
          await this.#forget(step);
          break;
        default:
          unreachable(step);
      }
    }
  }

  close(): void {
    this.#invalidations.close();
  }

  async #checkCacheTags(): Promise<void> {
    const header = await (await this.#invalidations.control()).cacheTagHeader();
    this.#cacheTagHeader = header;
    if (header === 'none') {
      throw new UserError(
        'not-supported',
        'The distribution reads no cache tags, so nothing would be invalidated.',
        {
          hint: 'Add a CacheTagConfig with the header of the origin that contains the tags; objects cached before that have no tags.',
        },
      );
    }
  }

  async #prove(expectations: readonly Expectation[]): Promise<void> {
    const uncovered = new Set(this.#plan.uncovered.all);
    // What is completed, or was never invalidated, does not become effective by waiting: one look is enough to know.
    const reused = this.#invalidations.made.some((made) => made.reused);
    this.#proofs = await this.#ask(
      expectations,
      (served, { url }) => (reused || uncovered.has(url)) && isOutdated(served),
    );
    const outdated = this.#proofs.filter(({ served }) => isOutdated(served));
    this.#mended = await this.#mend(outdated.filter(({ expectation: { url } }) => uncovered.has(url)));
    const isOld = outdated.length > 0 && this.#invalidations.made.some(({ mayBeOld }) => mayBeOld);
    if (isOld) {
      this.#ports.progress.info(
        `${counted(outdated.length, 'URL')} not served as published, and the invalidation is an earlier one: creating another.`,
      );
      await this.#invalidations.renew();
    }
    if (!isOld && !this.#mended) return;
    await this.#waitIfAsked();
    const again = await this.#ask(
      outdated.map(({ expectation }) => expectation),
      () => false,
    );
    const latest = new Map(again.map((proven) => [proven.expectation.url, proven]));
    this.#proofs = this.#proofs.map((proven) => latest.get(proven.expectation.url) ?? proven);
  }

  /**
   * Invalidates URLs that no path of this run covers and that are not served as published: an earlier publish may have replaced
   * them without an invalidation. Returns whether something was invalidated.
   */
  async #mend(outdated: readonly ProvenUrl[]): Promise<boolean> {
    if (outdated.length === 0) return false;
    const { progress } = this.#ports;
    const batches = batchesFor(
      outdated.map(({ expectation }) => expectation.url),
      this.#plan.budget,
    );
    if (batches === undefined) {
      progress.info(
        'The stale URLs that no path covers do not fit into max-paths, so they are not invalidated.',
      );
      return false;
    }
    try {
      await this.#invalidations.control();
    } catch (error) {
      progress.info(`The stale URLs cannot be invalidated: ${asSlipwayError(error).message}`);
      return false;
    }
    progress.info(
      `${counted(outdated.length, 'URL')} not served as published, and no path of this run covers ${outdated.length === 1 ? 'it' : 'them'}: invalidating ${outdated.length === 1 ? 'it' : 'them'}.`,
    );
    for (const batch of batches) await this.#invalidations.makeNew(batch);
    return true;
  }

  /** Never fails: what is proven is served, whatever the destination records. */
  async #forget(step: ForgetStep): Promise<void> {
    const { destination, clock } = this.#ports;
    const isProven =
      this.#invalidations.made.every(({ invalidation }) => invalidation.status === 'Completed') &&
      this.#proofs.every(({ served }) => served.kind === 'fresh');
    if (destination === undefined || !isProven) return;
    const paths = new Set(step.paths);
    const digests = new Set(step.digests);
    try {
      await forgetProven(
        destination,
        step.publishes,
        { path: (path) => paths.has(path), digest: (digest) => digests.has(digest) },
        step.readAtMs,
        clock,
      );
    } catch (error) {
      this.#notForgotten = asSlipwayError(error).message;
    }
  }

  async #waitIfAsked(): Promise<void> {
    if (this.#plan.waits) await this.#invalidations.wait();
  }

  async #isServed(url: string): Promise<boolean> {
    const { clock, environment } = this.#ports;
    // No bytes have this checksum, so anything served differs.
    const [served] = await proveServed([{ url, sha256: '0'.repeat(64) }], {
      clock,
      deadlineMs: clock.nowMs(),
      proxyEnvironment: environment,
    });
    return served?.kind === 'stale';
  }

  async #ask(
    expectations: readonly Expectation[],
    isEnough: (served: Served, expectation: Expectation) => boolean,
  ): Promise<readonly ProvenUrl[]> {
    const { clock, progress, environment, proveMs } = this.#ports;
    progress.start('Proving what is served', expectations.length, 'entries');
    const served = await proveServed(expectations, {
      clock,
      deadlineMs: clock.nowMs() + proveMs,
      proxyEnvironment: environment,
      isEnough,
      onDone: () => progress.advance(1),
    });
    return expectations.map((expectation, index) => ({
      expectation,
      served: served[index] ?? { kind: 'failed', reason: 'it was not requested', details: '' },
    }));
  }
}

/** Whether something other than the published bytes is served, as by a cache that was not invalidated. */
function isOutdated({ kind }: Served): boolean {
  return kind === 'stale' || kind === 'forbidden' || kind === 'missing';
}
