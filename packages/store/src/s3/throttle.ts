/** The minimum number of requests in progress when a server is overloaded. */
const fewest = 2;
const most = 256;

/**
 * Limits how many requests are in progress when the server reports overload, and raises the limit one by one as it
 * answers. Unlimited until the first report.
 */
export class Throttle {
  #limit = Number.POSITIVE_INFINITY;
  #underWay = 0;
  #answered = 0;
  /** Counts reductions: requests sent before one say nothing about its effect. */
  #era = 0;
  readonly #waiting: (() => void)[] = [];

  /** Runs a request when it may start; `isTooMuch` tells whether its failure reports overload. */
  async run<Result>(request: () => Promise<Result>, isTooMuch: (error: unknown) => boolean): Promise<Result> {
    if (this.#underWay >= this.#limit) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#underWay += 1;
    const era = this.#era;
    try {
      const result = await request();
      this.#raise();
      return result;
    } catch (error) {
      if (era === this.#era && isTooMuch(error)) this.#lower();
      throw error;
    } finally {
      this.#underWay -= 1;
      this.#startWaiting();
    }
  }

  #lower(): void {
    this.#era += 1;
    this.#answered = 0;
    this.#limit = Math.max(fewest, Math.floor(Math.min(this.#limit, this.#underWay) * 0.7));
  }

  #raise(): void {
    if (this.#limit === Number.POSITIVE_INFINITY) return;
    this.#answered += 1;
    if (this.#answered < this.#limit) return;
    this.#answered = 0;
    this.#limit = this.#limit >= most ? Number.POSITIVE_INFINITY : this.#limit + 1;
  }

  #startWaiting(): void {
    while (this.#underWay < this.#limit) {
      const start = this.#waiting.shift();
      if (start === undefined) return;
      // Counted here, so that nobody takes the slot before it runs.
      this.#underWay += 1;
      start();
    }
  }
}
