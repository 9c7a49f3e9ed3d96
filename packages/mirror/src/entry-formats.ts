import { formatOfSpecfile, formatVersions, isNewerSpecfile } from '@slipway/spack-buildcache';
import type { EntryReport } from './entry-reader.ts';

const oldest = formatVersions[0].specfile;
const unknown = 0;

/** The spec format of each entry. Most have the oldest format, so only the others are stored. */
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

  /** The specfile version of an entry; undefined if it could not be read or its format belongs in no index. */
  indexableVersion(hash: string): number | undefined {
    const version = this.#others.get(hash) ?? oldest;
    return formatOfSpecfile(version)?.specfile;
  }

  /** Whether this version of Slipway does not know an entry's format yet. */
  isNewer(hash: string): boolean {
    return isNewerSpecfile(this.#others.get(hash) ?? unknown);
  }
}
