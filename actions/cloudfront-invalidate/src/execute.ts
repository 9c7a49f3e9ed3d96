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
  type ProgressPort,
  type SlipwayError,
  UserError,
  unreachable,
} from '@slipway/core';
import type { Plan } from './plan.ts';

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
  /** Undefined when there are no tags, or when the distribution's configuration may not be read. */
  readonly cacheTagHeader: string | undefined;
  readonly failure: SlipwayError | undefined;
}

export interface Ports {
  /** Called only when there is something to invalidate: proving alone needs no credentials. */
  readonly openCloudFront: () => Promise<CloudFront>;
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
  #cacheTagHeader: string | undefined;
  #cloudFront: CloudFront | undefined;

  constructor(plan: Plan, ports: Ports) {
    this.#plan = plan;
    this.#ports = ports;
  }

  result(failure: SlipwayError | undefined): Result {
    return {
      cacheTagHeader: this.#cacheTagHeader,
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

  /** Makes the invalidation of a batch; `attempt` tells it from earlier ones of the same content. */
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
    // What is completed does not become effective by waiting: one look is enough to know that it does not help.
    const reused = this.#made.some((made) => made.reused);
    this.#proofs = await this.#ask(expectations, (served) => reused && isOutdated(served));
    const outdated = this.#proofs.filter(({ served }) => isOutdated(served));
    if (outdated.length === 0 || !this.#made.some(({ mayBeOld }) => mayBeOld)) return;
    this.#ports.progress.info(
      `${counted(outdated.length, 'URL')} not served as published, and the invalidation is an old one: making another.`,
    );
    await this.#renew();
    const again = await this.#ask(
      outdated.map(({ expectation }) => expectation),
      () => false,
    );
    const latest = new Map(again.map((proven) => [proven.expectation.url, proven]));
    this.#proofs = this.#proofs.map((proven) => latest.get(proven.expectation.url) ?? proven);
  }

  /** Another invalidation for each old one, with the first reference that is not used up. */
  async #renew(): Promise<void> {
    for (const [index, old] of this.#made.entries()) {
      let made = old;
      for (let attempt = 2; made.mayBeOld && attempt <= maxAttempts; attempt += 1) {
        made = await this.#invalidate(old.batch, attempt);
      }
      this.#made[index] = made;
    }
    if (this.#plan.steps.some(({ kind }) => kind === 'wait')) await this.#wait();
  }

  async #ask(
    expectations: readonly Expectation[],
    isEnough: (served: Served) => boolean,
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
