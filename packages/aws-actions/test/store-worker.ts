import { parentPort, workerData } from 'node:worker_threads';
import { openStoreFromSeed } from '../src/stores.ts';

/** Reads keys of the store that it was started for, and reports their texts, or why not. */
const opening = openStoreFromSeed(workerData.seed);
parentPort?.on('message', async (keys: readonly string[]) => {
  try {
    const store = await opening;
    const objects = await Promise.all(keys.map((key) => store.read(key, { maxBytes: 1_000 })));
    parentPort?.postMessage(objects.map((object) => object && Buffer.from(object.body).toString()));
  } catch (error) {
    parentPort?.postMessage(String(error));
  }
});
