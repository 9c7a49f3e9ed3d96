/**
 * Makes a mirror, or a staged buildcache, of any size:
 * `node --conditions=source packages/bench/src/generate-mirror.ts --entries 10000 --output DIR [options]`.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import {
  asSlipwayError,
  counted,
  formatBytes,
  formatDuration,
  parseSizeBytes,
  systemClock,
  UserError,
} from '@slipway/core';
import { openSigner, type Signer } from '@slipway/signing';
import { makeKey } from '@slipway/testkit';
import { generateMirror } from './mirror.ts';

const usage = `Usage: generate-mirror.ts --entries N --output DIR [options]
  --entries N           how many binaries
  --output DIR          where; new or empty
  --first K             the first entry's place in the series (0); other places give other entries
  --seed N              which series (1)
  --payload-size SIZE   what each tarball holds besides its spec (2KiB)
  --index               with a package index
  --signed              with signed manifests and the public key
  --signing-key FILE    the armored private key to sign with; made and written there when there is no such file
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      entries: { type: 'string' },
      output: { type: 'string' },
      first: { type: 'string', default: '0' },
      seed: { type: 'string', default: '1' },
      'payload-size': { type: 'string', default: '2KiB' },
      index: { type: 'boolean', default: false },
      signed: { type: 'boolean', default: false },
      'signing-key': { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help || values.entries === undefined || values.output === undefined) {
    process.stdout.write(usage);
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  const startMs = performance.now();
  const signer =
    values.signed || values['signing-key'] !== undefined
      ? await openBenchSigner(values['signing-key'])
      : undefined;
  const made = await generateMirror({
    directory: values.output,
    entryCount: parseCount(values.entries, '--entries'),
    firstEntry: parseCount(values.first, '--first'),
    seed: parseCount(values.seed, '--seed'),
    payloadBytes: parseSizeBytes(values['payload-size']),
    signer,
    index: values.index,
  });
  process.stdout.write(
    `${values.output}: ${counted(made.entryCount, 'entry', 'entries')}, ${counted(made.fileCount, 'file')}, ${formatBytes(made.sizeBytes)}, in ${formatDuration(performance.now() - startMs)}\n`,
  );
}

async function openBenchSigner(keyFile: string | undefined): Promise<Signer> {
  let armoredKey: string;
  if (keyFile !== undefined && existsSync(keyFile)) armoredKey = readFileSync(keyFile, 'utf8');
  else {
    armoredKey = (await makeKey({ type: 'rsa4096', userId: 'Slipway bench (throwaway)' })).privateArmored;
    if (keyFile !== undefined) writeFileSync(keyFile, armoredKey, { mode: 0o600, flag: 'wx' });
  }
  return openSigner({ armoredKey, passphrase: undefined, clock: systemClock });
}

function parseCount(text: string, option: string): number {
  const count = Number(text);
  if (/^\d{1,9}$/.test(text) && Number.isSafeInteger(count)) return count;
  throw new UserError('input-invalid', `${option} must be a count, not "${text}"`);
}

try {
  await main();
} catch (error) {
  const { message, hint } = asSlipwayError(error);
  process.stderr.write(`generate-mirror: ${message}${hint === undefined ? '' : `\n${hint}`}\n`);
  process.exitCode = 1;
}
