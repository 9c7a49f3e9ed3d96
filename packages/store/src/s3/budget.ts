/** Memory for bodies in transit: callers wait until enough is free. */
export class ByteBudget {
  #left: number;
  readonly #total: number;
  readonly #waiting: { readonly bytes: number; readonly start: () => void }[] = [];

  constructor(totalBytes: number) {
    this.#total = totalBytes;
    this.#left = totalBytes;
  }

  /** Takes `bytes` from the budget once they are free; a request above the total takes the total. */
  async take(bytes: number): Promise<void> {
    const wanted = Math.min(bytes, this.#total);
    if (this.#waiting.length === 0 && wanted <= this.#left) {
      this.#left -= wanted;
      return;
    }
    await new Promise<void>((resolve) => this.#waiting.push({ bytes: wanted, start: resolve }));
  }

  giveBack(bytes: number): void {
    this.#left += Math.min(bytes, this.#total);
    for (
      let next = this.#waiting[0];
      next !== undefined && next.bytes <= this.#left;
      next = this.#waiting[0]
    ) {
      this.#waiting.shift();
      this.#left -= next.bytes;
      next.start();
    }
  }
}
