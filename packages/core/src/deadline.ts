import { createContext, Script } from 'node:vm';

const script = new Script('run()');

/**
 * What `run` returns, or `undefined` once it has taken longer than `timeoutMs`; it is stopped then wherever it is, in the middle of
 * a regular expression too. It must not wait for anything. Throws what `run` throws.
 */
export function withinTime<Value>(
  timeoutMs: number,
  run: () => Value,
): { readonly value: Value } | undefined {
  const done: { value: Value }[] = [];
  const context = createContext({ run: () => void done.push({ value: run() }) });
  try {
    script.runInContext(context, { timeout: timeoutMs });
  } catch (error) {
    if (Reflect.get(Object(error), 'code') !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
    return undefined;
  }
  return done[0];
}
