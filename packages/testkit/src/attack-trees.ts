import { cpSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Attack, type AttackContext, pathOf, payloadKey, victims } from './attack.ts';

/** Replaces something with a link to a place outside that has the same content. */
function moveOutside(context: AttackContext, key: string): void {
  const target = join(context.outside, 'elsewhere');
  cpSync(pathOf(context, key), target, { recursive: true });
  rmSync(pathOf(context, key), { recursive: true });
  symlinkSync(target, pathOf(context, key));
}

function link(what: string, alongside: readonly string[], keyOf: (context: AttackContext) => string): Attack {
  return {
    name: `${what} that is a symbolic link to outside`,
    code: 'path-outside',
    alongside,
    level: 'metadata',
    against: 'entry',
    apply: (context) => moveOutside(context, keyOf(context)),
  };
}

/** Attacks on the tree of files as a whole. */
export const treeAttacks: readonly Attack[] = [
  link('a manifest', [], () => victims.program),
  link('a tarball', ['blob-missing'], (context) => payloadKey(context, victims.program, 'tarball')),
  link('a spec blob', ['blob-missing'], (context) => payloadKey(context, victims.program, 'spec')),
  link('the directory of a package', [], () => dirname(victims.program)),
  link('a directory of blobs', ['blob-missing'], (context) =>
    dirname(payloadKey(context, victims.program, 'tarball')),
  ),
  {
    name: 'a manifest that is a symbolic link to /etc/passwd',
    code: 'path-outside',
    level: 'metadata',
    against: 'entry',
    apply(context) {
      rmSync(pathOf(context, victims.program));
      symlinkSync('/etc/passwd', pathOf(context, victims.program));
    },
  },
  {
    name: 'a runtime dependency without its manifest',
    code: 'closure-incomplete',
    level: 'metadata',
    against: 'entry',
    apply: (context) => rmSync(pathOf(context, victims.data)),
  },
  {
    name: 'a manifest in the directory of another package',
    code: 'name-invalid',
    level: 'metadata',
    against: 'entry',
    apply(context) {
      const moved = victims.program.replace('spec/greet/', 'spec/libgreet/');
      renameSync(pathOf(context, victims.program), pathOf(context, moved));
    },
  },
];
