import {
  type CloudFront,
  callerReference,
  createPatiently,
  type Invalidation,
  type InvalidationBatch,
  type Waiting,
  waitUntilCompleted,
} from '@slipway/aws';
import { type Clock, counted, formatDuration, type ProgressPort } from '@slipway/core';
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

export interface InvalidationPorts {
  /** Called only when there is something to invalidate: proving alone needs no credentials. */
  readonly openCloudFront: () => Promise<CloudFront>;
  readonly clock: Clock;
  readonly progress: ProgressPort;
  readonly waitMs: number;
}

/** The invalidations of a run: made, renewed, and waited for. */
export class Invalidations {
  /** In the order in which they were made; of a batch that was made again, only the last. */
  readonly made: MadeInvalidation[] = [];
  readonly #publish: Plan['publish'];
  readonly #ports: InvalidationPorts;
  #cloudFront: CloudFront | undefined;

  constructor(publish: Plan['publish'], ports: InvalidationPorts) {
    this.#publish = publish;
    this.#ports = ports;
  }

  close(): void {
    this.#cloudFront?.close();
  }

  async control(): Promise<CloudFront> {
    this.#cloudFront ??= await this.#ports.openCloudFront();
    return this.#cloudFront;
  }

  async make(batch: InvalidationBatch): Promise<void> {
    this.made.push(await this.#invalidate(batch, 1));
  }

  /** As `make`, and never an old one. */
  async makeNew(batch: InvalidationBatch): Promise<void> {
    this.made.push(await this.#renewed(await this.#invalidate(batch, 1)));
  }

  /** Makes another invalidation for each old one, with the first reference that is not used up. */
  async renew(): Promise<void> {
    for (const [index, old] of this.made.entries()) this.made[index] = await this.#renewed(old);
  }

  async wait(): Promise<void> {
    const { clock, progress } = this.#ports;
    const cloudFront = await this.control();
    const waiting = this.#waiting();
    const startedMs = clock.nowMs();
    for (const [index, made] of this.made.entries()) {
      if (made.invalidation.status === 'Completed') continue;
      progress.start('Wait for CloudFront');
      const invalidation = await waitUntilCompleted(cloudFront, made.invalidation, waiting);
      this.made[index] = { ...made, invalidation };
      progress.info(
        `Invalidation ${invalidation.id} is completed after ${formatDuration(clock.nowMs() - startedMs)}.`,
      );
    }
  }

  async #renewed(old: MadeInvalidation): Promise<MadeInvalidation> {
    let made = old;
    for (let attempt = 2; made.mayBeOld && attempt <= maxAttempts; attempt += 1) {
      made = await this.#invalidate(old.batch, attempt);
    }
    return made;
  }

  /** Creates the invalidation of a batch; `attempt` distinguishes it from earlier ones with the same content. */
  async #invalidate(batch: InvalidationBatch, attempt: number): Promise<MadeInvalidation> {
    const { clock, progress } = this.#ports;
    const cloudFront = await this.control();
    const askedAtMs = clock.nowMs();
    const reference = callerReference(batch, this.#publish, attempt);
    const invalidation = await createPatiently(cloudFront, batch, reference, this.#waiting());
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

  #waiting(): Waiting {
    const { clock, progress, waitMs } = this.#ports;
    return { clock, progress, deadlineMs: clock.nowMs() + waitMs };
  }
}
