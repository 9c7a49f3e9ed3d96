import { resolve } from 'node:path';
import { type InputDeclaration, type InputSurroundings, input } from '@slipway/runner';
import { parseTrustedKeys } from '@slipway/signing';
import { isViewName } from '@slipway/spack-buildcache';
import { parseStoreUrl, parseWritableStoreUrl } from '@slipway/store/local';
import { isDirectory } from './opening.ts';

export { signingKeyProblems as signerProblems } from '@slipway/signing';

/** Inputs that several buildcache actions have, each declared once. */
export const buildcacheInputs = {
  buildcache: {
    ...input.requiredPath({
      description: 'The staged buildcache: the directory given to `spack buildcache push --unsigned`.',
    }),
    check: async (path: string, { workDirectory }: InputSurroundings): Promise<void> => {
      if (!(await isDirectory(resolve(workDirectory, path)))) throw new Error('must be a directory');
    },
  },
  trustedKeys: {
    ...input.block({
      description:
        'The keys whose signatures count: fingerprints (40 hex digits) and armored public keys, one after the other. For a fingerprint, the key is taken from the mirror or the staged buildcache and must match it.',
    }),
    check: async (text: string): Promise<void> => void (await parseTrustedKeys(text)),
  },
  allowUnsigned: input.boolean({
    description: 'Accept entries without a signature. A signature that is present must still be good.',
    default: 'false',
  }),
  allowUnpinnedKeys: input.boolean({
    description:
      'Accept that the mirror offers keys to its clients that are not in `trusted-keys`. Their signatures still do not count.',
    default: 'false',
  }),
  allowLayoutV2: input.boolean({
    description:
      'Accept that the mirror holds a buildcache of layout v2 (`build_cache/`) beside a signed one of layout v3. Nobody signs its index, and Spack 1.x installs from it.',
    default: 'false',
  }),
  signingKey: input.secret({
    description: 'An armored OpenPGP private key, or its base64 encoding.',
  }),
};

/** An optional input that names a view. */
export function viewInput(description: string): InputDeclaration<string | undefined> {
  const text = input.text({ description });
  return {
    ...text,
    kind: 'view',
    parse: (value) => {
      if (!isViewName(value))
        throw new Error('must be the name of a view (letters, digits, "_", "-" and ".")');
      return value;
    },
  };
}

/** A required URL of a mirror; with `access: 'write'`, of one that can be written to. */
export function mirrorInput(access: 'read' | 'write', schemes: string): InputDeclaration<string> {
  return {
    ...input.requiredUrl({ description: `URL of the mirror: ${schemes}.` }),
    parse: (text) => (access === 'write' ? parseWritableStoreUrl(text) : parseStoreUrl(text).url),
  };
}

/** Whether an accepted mirror URL is on S3, which needs credentials. */
export function isOnS3(mirror: string): boolean {
  return parseStoreUrl(mirror).kind === 's3';
}

/** The problem with a passphrase that has no key, if there is one. */
export function passphraseProblem(inputs: {
  readonly signingKey: string | undefined;
  readonly passphrase: string | undefined;
}): string | undefined {
  if (inputs.passphrase === undefined || inputs.signingKey !== undefined) return undefined;
  return 'passphrase is set without signing-key';
}

/** The problem with a run that trusts no key and does not allow unsigned entries, if it is one. */
export function trustProblem(inputs: {
  readonly trustedKeys: string;
  readonly allowUnsigned: boolean;
}): string | undefined {
  if (inputs.trustedKeys.trim() !== '' || inputs.allowUnsigned) return undefined;
  return 'trusted-keys is empty: list the keys whose signatures count, or set allow-unsigned for an unsigned mirror';
}
