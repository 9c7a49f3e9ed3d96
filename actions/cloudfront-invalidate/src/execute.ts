import {
  type CloudFront,
  callerReference,
  createPatiently,
  type Expectation,
  type Invalidation,
  type InvalidationBatch,
  proveServed,
  type Served,
  type Waiting,
  waitUntilCompleted,
} from '@slipway/aws';
import {
  asSlipwayError,
  type Clock,
  counted,
  type Environment,
  formatDuration,
  type ObjectStore,
  type ProgressPort,
  type SlipwayError,
  UserError,
  unreachable,
} from '@slipway/core';
import { forgetProven } from '@slipway/pending-invalidations';
import type { ForgetStep } from './pending.ts';
import { batchesFor, type Plan } from './plan.ts';

/** How far the clocks of this machine and of CloudFront may be apart. */
const clockToleranceMs = 60_000;
/** After that many old invalidations with the same reference, another reference is needed. */
const maxAttempts = 50;

export interface MadeInvalidation {
  readonly invalidation: Invalidation;
  readonly batch: InvalidationBatch;
  readonly callerReference: string;
  /** It was completed before this run: whatever was published since, it did not reach. */
  readonly reused: boolean;
  /** It was made before this run, and may have begun before what was published last was stored. */
  readonly mayBeOld: boolean;
}

export interface ProvenUrl {
  readonly expectation: Expectation;
  readonly served: Served;
}

export interface Result {
  /** In the order in which they were made; of a batch that was made again, only the last. */
  readonly invalidations: readonly MadeInvalidation[];
  readonly proofs: readonly ProvenUrl[];
  /** Whether what was stale and not among the paths was invalidated too. */
  readonly mended: boolean;
  /** Whether the CDN serves what Slipway keeps in the destination for itself. */
  readonly ownUrlServed: boolean;
  /** Why the destination still has as pending what is proven. */
  readonly notForgotten: string | undefined;
  /** Undefined when there are no tags, or when the distribution's configuration may not be read. */
  readonly cacheTagHeader: string | undefined;
  readonly failure: SlipwayError | undefined;
}

export interface Ports {
  /** Called only when there is something to invalidate: proving alone needs no credentials. */
  readonly openCloudFront: () => Promise<CloudFront>;
  /** What remembers the paths that are pending. */
  readonly destination: ObjectStore | undefined;
  readonly clock: Clock;
  readonly progress: ProgressPort;
  readonly environment: Environment;
  readonly waitMs: number;
  readonly proveMs: number;
}

/**
 * Carries the plan out, and gives what was done also when it fails. When an invalidation turns out to be an old one of the
 * same reference, and what it invalidated is not served as published, another one is made.
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
  readonly #made: MadeInvalidation[] = [];
  #proofs: readonly ProvenUrl[] = [];
  #mended = false;
  #ownUrlServed = false;
  #notForgotten: string | undefined;
  #cacheTagHeader: string | undefined;
  #cloudFront: CloudFront | undefined;

  constructor(plan: Plan, ports: Ports) {
    this.#plan = plan;
    this.#ports = ports;
  }

  result(failure: SlipwayError | undefined): Result {
    return {
      cacheTagHeader: this.#cacheTagHeader,
      mended: this.#mended,
      ownUrlServed: this.#ownUrlServed,
      notForgotten: this.#notForgotten,
      invalidations: this.#made,
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
          this.#made.push(await this.#invalidate(step.batch, 1));
          break;
        case 'wait':
          await this.#wait();
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
    this.#cloudFront?.close();
  }

  async #control(): Promise<CloudFront> {
    this.#cloudFront ??= await this.#ports.openCloudFront();
    return this.#cloudFront;
  }

  async #checkCacheTags(): Promise<void> {
    const header = await (await this.#control()).cacheTagHeader();
    this.#cacheTagHeader = header;
    if (header === 'none') {
      throw new UserError(
        'not-supported',
        'The distribution reads no cache tags, so it would invalidate nothing.',
        {
          hint: 'Add a CacheTagConfig with the header of the origin that has the tags; objects that are cached before it have none.',
        },
      );
    }
  }

  /** Creates the invalidation of a batch; `attempt` distinguishes it from earlier ones with the same content. */
  async #invalidate(batch: InvalidationBatch, attempt: number): Promise<MadeInvalidation> {
    const { clock, progress, waitMs } = this.#ports;
    const cloudFront = await this.#control();
    const askedAtMs = clock.nowMs();
    const reference = callerReference(batch, this.#plan.publish, attempt);
    const invalidation = await createPatiently(cloudFront, batch, reference, this.#until(waitMs));
    const reused = invalidation.status === 'Completed';
    const when = Number.isNaN(invalidation.createdAtMs)
      ? 'before'
      : `at ${new Date(invalidation.createdAtMs).toISOString()}`;
    progress.info(
      `Invalidation ${invalidation.id} of ${counted(batch.length, 'path')}: ${reused ? `completed already, made ${when}` : invalidation.status}.`,
    );
    const mayBeOld = reused || invalidation.createdAtMs < askedAtMs - clockToleranceMs;
    return { invalidation, batch, callerReference: reference, reused, mayBeOld };
  }

  async #wait(): Promise<void> {
    const { clock, progress, waitMs } = this.#ports;
    const cloudFront = await this.#control();
    const waiting = this.#until(waitMs);
    const startedMs = clock.nowMs();
    for (const [index, made] of this.#made.entries()) {
      if (made.invalidation.status === 'Completed') continue;
      progress.start('Wait for CloudFront');
      const invalidation = await waitUntilCompleted(cloudFront, made.invalidation, waiting);
      this.#made[index] = { ...made, invalidation };
      progress.info(
        `Invalidation ${invalidation.id} is completed after ${formatDuration(clock.nowMs() - startedMs)}.`,
      );
    }
  }

  async #prove(expectations: readonly Expectation[]): Promise<void> {
    const uncovered = new Set(this.#plan.uncovered.all);
    // What is completed, or was never invalidated, does not become effective by waiting: one look is enough to know.
    const reused = this.#made.some((made) => made.reused);
    this.#proofs = await this.#ask(
      expectations,
      (served, { url }) => (reused || uncovered.has(url)) && isOutdated(served),
    );
    const outdated = this.#proofs.filter(({ served }) => isOutdated(served));
    this.#mended = await this.#mend(outdated.filter(({ expectation: { url } }) => uncovered.has(url)));
    const isOld = outdated.length > 0 && this.#made.some(({ mayBeOld }) => mayBeOld);
    if (isOld) {
      this.#ports.progress.info(
        `${counted(outdated.length, 'URL')} not served as published, and the invalidation is an old one: making another.`,
      );
      await this.#renew();
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
   * Invalidates what no path of this run covers and is not served as published: a publish before may have replaced it, and its
   * invalidation may never have been made. Whether something was invalidated.
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
        'What is stale and not among the paths does not fit max-paths, so it is not invalidated.',
      );
      return false;
    }
    try {
      await this.#control();
    } catch (error) {
      progress.info(`What is stale cannot be invalidated: ${asSlipwayError(error).message}`);
      return false;
    }
    progress.info(
      `${counted(outdated.length, 'URL')} not served as published, and no path of this run covers ${outdated.length === 1 ? 'it' : 'them'}: invalidating ${outdated.length === 1 ? 'it' : 'them'}.`,
    );
    for (const batch of batches) this.#made.push(await this.#renewed(await this.#invalidate(batch, 1)));
    return true;
  }

  /** Never fails: what is proven is served, whatever the destination remembers. */
  async #forget(step: ForgetStep): Promise<void> {
    const { destination, clock } = this.#ports;
    const isProven =
      this.#made.every(({ invalidation }) => invalidation.status === 'Completed') &&
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

  /** Another invalidation for each old one, with the first reference that is not used up. */
  async #renew(): Promise<void> {
    for (const [index, old] of this.#made.entries()) this.#made[index] = await this.#renewed(old);
  }

  async #renewed(old: MadeInvalidation): Promise<MadeInvalidation> {
    let made = old;
    for (let attempt = 2; made.mayBeOld && attempt <= maxAttempts; attempt += 1) {
      made = await this.#invalidate(old.batch, attempt);
    }
    return made;
  }

  async #waitIfAsked(): Promise<void> {
    if (this.#plan.waits) await this.#wait();
  }

  async #isServed(url: string): Promise<boolean> {
    const { clock, environment } = this.#ports;
    // No bytes have this checksum: whatever is served is other bytes.
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
    progress.start('Prove what is served', expectations.length, 'entries');
    const served = await proveServed(expectations, {
      clock,
      deadlineMs: clock.nowMs() + proveMs,
      proxyEnvironment: environment,
      isEnough,
      onDone: () => progress.advance(1),
    });
    return expectations.map((expectation, index) => ({
      expectation,
      served: served[index] ?? { kind: 'failed', reason: 'it was not asked for', details: '' },
    }));
  }

  #until(ms: number): Waiting {
    const { clock, progress } = this.#ports;
    return { clock, progress, deadlineMs: clock.nowMs() + ms };
  }
}

/** Whether something else than what was published is served, as a cache does that was not invalidated. */
function isOutdated({ kind }: Served): boolean {
  return kind === 'stale' || kind === 'forbidden' || kind === 'missing';
}
