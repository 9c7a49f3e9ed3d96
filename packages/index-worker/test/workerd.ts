import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** The package of the Worker. */
export const folder = join(import.meta.dirname, '..');

/** Whether workerd, the runtime of Workers, was installed for this machine. */
export function haveWorkerd(): boolean {
  try {
    const wrangler = createRequire(join(folder, 'package.json')).resolve('wrangler/package.json');
    const workerd = createRequire(wrangler).resolve('workerd');
    return existsSync(join(workerd, '../../bin/workerd'));
  } catch {
    return false;
  }
}
