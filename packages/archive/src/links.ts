import type { NamedEntry } from './entry-names.ts';

const maxTargetBytes = 4_096;
const maxLinksOnWay = 40;

export interface Link {
  readonly name: string;
  readonly target: string;
}

/**
 * Why a symbolic link must not be in an archive of these entries, or undefined: its target is relative and leads, through
 * other links of the archive too, to something in the archive, without leaving it on the way.
 */
export function linkProblem(link: Link, tree: LinkTree): string | undefined {
  const { name, target } = link;
  if (target === '' || Buffer.byteLength(target) > maxTargetBytes) return 'is a link to nowhere';
  if (/[\u0000-\u001f\u007f\\]/.test(target) || !target.isWellFormed())
    return 'is a link with a character that is no part of a path';
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
    const next = tree.targetOf(place.join('/'));
    if (next === undefined) continue;
    followed += 1;
    if (followed > maxLinksOnWay) return 'is a link that leads round in a circle';
    if (next.startsWith('/')) return 'is a link that leads out of the archive through another';
    place.pop();
    pending.push(...next.split('/').reverse());
  }
  if (place.length > 0 && !tree.has(place.join('/'))) return 'is a link to what is not in the archive';
  return undefined;
}

/** What can be reached in an archive: its entries, and the directories that they are in. */
export class LinkTree {
  readonly #names = new Set<string>();
  readonly #targets = new Map<string, string>();

  constructor(entries: readonly (NamedEntry & { readonly target?: string | undefined })[]) {
    for (const { name, kind, target } of entries) {
      this.#names.add(name);
      if (kind === 'link') this.#targets.set(name, target ?? '');
      for (let end = name.indexOf('/'); end !== -1; end = name.indexOf('/', end + 1))
        this.#names.add(name.slice(0, end));
    }
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }

  /** What the link of this name says; undefined when there is none. */
  targetOf(name: string): string | undefined {
    return this.#targets.get(name);
  }
}
