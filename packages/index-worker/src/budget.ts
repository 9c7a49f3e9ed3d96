import type { Clock } from '@slipway/core';

export interface BudgetLimits {
  /** When a run that takes long is told of first, in milliseconds. */
  readonly warnAfterMs: number;
  /** When a run begins nothing new, in milliseconds. */
  readonly stopAfterMs: number;
  /** Requests and R2 operations after which a run begins nothing new. */
  readonly subrequests: number;
  /** Files asked about and pages written after which a run begins nothing new. */
  readonly work: number;
}

/**
 * What a run may use. A Worker cannot measure its CPU time: its clock stands still between two requests. What it
 * can count is time that passes, requests, and things done. The listing and what saves state are not held up.
 */
export class Budget {
  readonly #limits: BudgetLimits;
  readonly #clock: Pick<Clock, 'nowMs'>;
  readonly #warn: (message: string, isStop: boolean) => void;
  readonly #startedAtMs: number;
  #subrequests = 0;
  #work = 0;
  #isWarned = false;
  #stopReason: string | undefined;

  constructor(
    limits: BudgetLimits,
    clock: Pick<Clock, 'nowMs'>,
    warn: (message: string, isStop: boolean) => void,
  ) {
    this.#limits = limits;
    this.#clock = clock;
    this.#warn = warn;
    this.#startedAtMs = clock.nowMs();
  }

  get subrequests(): number {
    return this.#subrequests;
  }

  /** Why nothing new is begun; undefined as long as something is. */
  get stopReason(): string | undefined {
    return this.#stopReason;
  }

  elapsedMs(): number {
    return this.#clock.nowMs() - this.#startedAtMs;
  }

  onRequest(): void {
    this.#subrequests += 1;
  }

  /** Whether another file may be asked about, or another page written; counts it. */
  mayContinue(): boolean {
    if (this.#stopReason !== undefined) return false;
    const elapsedMs = this.elapsedMs();
    const { warnAfterMs, stopAfterMs, subrequests, work } = this.#limits;
    if (!this.#isWarned && elapsedMs >= warnAfterMs) {
      this.#isWarned = true;
      this.#warn(`This run has taken ${seconds(elapsedMs)}.`, false);
    }
    if (elapsedMs >= stopAfterMs) return this.#stop(`${seconds(elapsedMs)} have passed`);
    if (this.#subrequests >= subrequests) return this.#stop(`${this.#subrequests} subrequests were made`);
    if (this.#work >= work) return this.#stop(`${this.#work} files and pages were handled`);
    this.#work += 1;
    return true;
  }

  #stop(reason: string): false {
    this.#stopReason = reason;
    this.#warn(`${reason}: this run finishes with what it has, and the next one continues.`, true);
    return false;
  }
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1_000)} s`;
}
