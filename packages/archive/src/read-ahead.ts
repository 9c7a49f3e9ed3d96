/**
 * The items of a source in their order, of which up to `count` are asked for before they are wanted: what an item has set
 * going goes on meanwhile.
 */
export async function* readAhead<Item>(
  source: AsyncGenerator<Item, void>,
  count: number,
): AsyncGenerator<Item, void> {
  const asked: Promise<IteratorResult<Item, void>>[] = [];
  const ask = (): void => {
    const next = source.next();
    // Awaited when its turn comes, which is never if the reader stops before.
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
