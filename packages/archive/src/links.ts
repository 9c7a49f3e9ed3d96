import type { NamedEntry } from './entry-names.ts';

const maxTargetBytes = 4_096;
const maxLinksOnWay = 40;

export interface Link {
  readonly name: string;
  readonly target: string;
}

/**
 * Why a symbolic link must not be in an archive of these entries, or undefined: its target must be relative and lead to something
 * in the archive, possibly through other links, without leaving the archive on the way.
 */
export function linkProblem(link: Link, tree: LinkTree): string | undefined {
  const { name, target } = link;
  if (target === '' || Buffer.byteLength(target) > maxTargetBytes) return 'is a link to nowhere';
  if (/[\u0000-\u001f\u007f\\]/.test(target) || !target.isWellFormed())
    return 'is a link with a character that paths cannot contain';
  if (target.startsWith('/') || /^[A-Za-z]:/.test(target)) return 'is a link to an absolute path';
  const place = name.split('/').slice(0, -1);
  const pending = target.split('/').reverse();
  let followed = 0;
  for (let segment = pending.pop(); segment !== undefined; segment = pending.pop()) {
    if (segment === '' || segment === '.') continue;
    if (segment === '..') {
      if (place.pop() === undefined) return 'is a link out of the archive';
      continue;
    }
    place.push(segment);
    const reached = tree.at(place.join('/'));
    if (reached === undefined) return 'is a link to a path that is not in the archive';
    if (reached.kind === 'file' && pending.length > 0) return 'is a link through a file';
    if (reached.kind !== 'link') continue;
    const next = reached.target;
    followed += 1;
    if (followed > maxLinksOnWay) return 'is a link that leads in a circle';
    if (next.startsWith('/')) return 'is a link that leads out of the archive through another';
    place.pop();
    pending.push(...next.split('/').reverse());
  }
  return undefined;
}

type Reached = { readonly kind: 'file' | 'directory' } | { readonly kind: 'link'; readonly target: string };

/** What paths in an archive can reach: its entries, and their directories. */
export class LinkTree {
  readonly #places = new Map<string, Reached>();

  constructor(entries: readonly (NamedEntry & { readonly target?: string | undefined })[]) {
    for (const { name, kind, target = '' } of entries) {
      for (let end = name.indexOf('/'); end !== -1; end = name.indexOf('/', end + 1))
        this.#places.set(name.slice(0, end), { kind: 'directory' });
      this.#places.set(name, kind === 'link' ? { kind, target } : { kind });
    }
  }

  /** Undefined if nothing is there. */
  at(name: string): Reached | undefined {
    return this.#places.get(name);
  }
}
