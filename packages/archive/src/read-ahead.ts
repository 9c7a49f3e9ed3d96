/**
 * The items of a source in order, up to `count` of them requested ahead, so that the work they started continues in the background.
 */
export async function* readAhead<Item>(
  source: AsyncGenerator<Item, void>,
  count: number,
): AsyncGenerator<Item, void> {
  const asked: Promise<IteratorResult<Item, void>>[] = [];
  const ask = (): void => {
    const next = source.next();
    // Awaited when its turn comes, which is never if the reader stops earlier.
    next.catch(() => undefined);
    asked.push(next);
  };
  try {
    for (;;) {
      while (asked.length < count) ask();
      const next = await asked.shift();
      if (next === undefined || next.done === true) return;
      yield next.value;
    }
  } finally {
    await Promise.allSettled(asked);
    await source.return();
  }
}
