import { formatOfSpecfile, formatVersions, isNewerSpecfile } from '@slipway/spack-buildcache';
import type { EntryReport } from './entry-reader.ts';

const oldest = formatVersions[0].specfile;
const unknown = 0;

/** Of which format the spec of each entry is. Only what is not of the oldest one is kept: that is what most are of. */
export class EntryFormats {
  readonly #others = new Map<string, number>();

  /** Whether any entry is newer; see `isNewer`. */
  hasNewer = false;

  note(entry: Pick<EntryReport, 'dagHash' | 'specfileVersion'>): void {
    const { dagHash, specfileVersion = unknown } = entry;
    if (specfileVersion === oldest) return;
    this.#others.set(dagHash, specfileVersion);
    this.hasNewer ||= this.isNewer(dagHash);
  }

  /** The specfile version of an entry; undefined where it could not be read, or no index has its format. */
  indexableVersion(hash: string): number | undefined {
    const version = this.#others.get(hash) ?? oldest;
    return formatOfSpecfile(version)?.specfile;
  }

  /** Whether an entry is of a format that is newer than those that are known here. */
  isNewer(hash: string): boolean {
    return isNewerSpecfile(this.#others.get(hash) ?? unknown);
  }
}
