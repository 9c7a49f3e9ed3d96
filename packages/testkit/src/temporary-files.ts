import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Vitest's global set-up: a test run creates all temporary files in one directory, which is removed at its end. Processes that tests start
 * share the code that Node compiled there.
 */
export default function setup(): () => void {
  const parent = mkdtempSync(join(tmpdir(), 'slipway-'));
  // A test uses it as another user.
  chmodSync(parent, 0o755);
  // Windows has two other names for it.
  for (const name of ['TMPDIR', 'TEMP', 'TMP']) process.env[name] = parent;
  process.env['NODE_COMPILE_CACHE'] = join(parent, 'compile-cache');
  return () => rmSync(parent, { recursive: true, force: true, maxRetries: 3 });
}
