import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Vitest's global set-up: every temporary file of a test run is made in one directory, which goes when it ends. */
export default function setup(): () => void {
  const room = mkdtempSync(join(tmpdir(), 'slipway-'));
  // A test works as another user in it.
  chmodSync(room, 0o755);
  process.env['TMPDIR'] = room;
  return () => rmSync(room, { recursive: true, force: true, maxRetries: 3 });
}
