import { printable } from '@slipway/core';
import { type FindingList, indexFinding, normalizeVersion, parseFileName } from '@slipway/simple-index';
import type { CheckedFile, MetadataRead } from './check-files.ts';

/** Reports names that clients do not take, or that belong to another project. */
export function reportNames(files: readonly CheckedFile[], project: string, findings: FindingList): void {
  for (const { fileName, pageKey } of files) {
    const shown = printable(fileName);
    const name = parseFileName(fileName);
    if (name.kind === 'refused') {
      findings.add(indexFinding('name-refused', `${shown}: no client takes it: ${name.reason}`, pageKey));
      continue;
    }
    if (name.project !== project) {
      findings.add(
        indexFinding(
          'page-project-other',
          `${shown}: it is a file of ${name.project}, not of ${project}`,
          pageKey,
        ),
      );
    }
    for (const doubt of name.doubts) {
      findings.add(
        doubt === 'version-unknown'
          ? indexFinding(
              'version-unknown',
              `${shown}: no client takes it: PEP 440 does not know its version`,
              pageKey,
            )
          : indexFinding(
              'name-hidden-from-pip',
              `${shown}: pip does not take it: its name has "__"`,
              pageKey,
            ),
      );
    }
  }
}

/** Files of one version on one page, by an ID that does not depend on their order. */
export function versionGroups(files: readonly CheckedFile[]): ReadonlyMap<string, readonly CheckedFile[]> {
  return Map.groupBy(files, ({ fileName, pageKey }) => {
    const name = parseFileName(fileName);
    return name.kind === 'refused'
      ? `${pageKey}\n${fileName}`
      : `${pageKey}\n${normalizeVersion(name.version)}`;
  });
}

/** Reports versions of which only some files have a hash: uv locks them and then exports some only. */
export function reportVersions(files: readonly CheckedFile[], findings: FindingList): void {
  for (const group of versionGroups(files).values()) {
    const bare = group.filter(({ hashes }) => hashes.size === 0);
    const [first] = bare;
    if (first === undefined || bare.length === group.length) continue;
    findings.add(
      indexFinding(
        'page-hashes-mixed',
        `${printable(first.fileName)}: it has no hash, and ${group.length - bare.length} of the ${group.length} files of its version have one`,
        first.pageKey,
      ),
    );
  }
}

/** Reports wheels of one version that require different things: uv takes one of them for all. */
export function reportRequirements(
  files: readonly CheckedFile[],
  read: ReadonlyMap<string, MetadataRead>,
  findings: FindingList,
): void {
  const wheels = files
    .filter(({ fileName }) => fileName.endsWith('.whl'))
    .flatMap((file) => {
      const metadata = read.get(file.url)?.metadata;
      return metadata === undefined ? [] : [{ file, requires: new Set(metadata.requiresDist.map(plain)) }];
    });
  const [first] = wheels;
  const other = wheels.find(
    ({ requires }) => first !== undefined && onlyInOne(requires, first.requires) !== undefined,
  );
  if (first === undefined || other === undefined) return;
  const requirement = onlyInOne(other.requires, first.requires) ?? '';
  findings.add(
    indexFinding(
      'page-requirements-differ',
      `${printable(other.file.fileName)}: its requirements are not those of ${printable(first.file.fileName)} ("${printable(requirement, 100)}"), and uv takes those of one wheel for all of a version`,
      first.file.pageKey,
    ),
  );
}

/** What one of two sets has and the other does not; undefined if they are equal. */
export function onlyInOne(one: ReadonlySet<string>, other: ReadonlySet<string>): string | undefined {
  return [...one].find((item) => !other.has(item)) ?? [...other].find((item) => !one.has(item));
}

function plain(requirement: string): string {
  return requirement.replaceAll(/\s+/g, '').toLowerCase();
}

/** Finds files that were replaced under one name: two pages know different hashes of it. */
export class OverwrittenFiles {
  readonly #seen = new Map<
    string,
    { readonly hashes: ReadonlyMap<string, string>; readonly pageKey: string }
  >();
  readonly #findings: FindingList;

  constructor(findings: FindingList) {
    this.#findings = findings;
  }

  add({ fileName, hashes, pageKey }: CheckedFile): void {
    if (hashes.size === 0) return;
    const seen = this.#seen.get(fileName);
    if (seen === undefined) {
      this.#seen.set(fileName, { hashes, pageKey });
      return;
    }
    const [other] =
      [...hashes].find(([name, value]) => seen.hashes.has(name) && seen.hashes.get(name) !== value) ?? [];
    if (other === undefined) return;
    const [one = '', two = ''] = [seen.pageKey, pageKey].sort();
    this.#findings.add(
      indexFinding(
        'page-file-overwritten',
        `${printable(fileName)}: its ${other} is another on ${two}: one of them was replaced, and pip and uv refuse one`,
        one,
      ),
    );
  }
}
