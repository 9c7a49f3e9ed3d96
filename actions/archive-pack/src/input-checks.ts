import { archiveTimeMs, entryNameProblem } from '@slipway/archive';
import { printable } from '@slipway/core';
import type { InputSurroundings } from '@slipway/runner';
import type { Inputs } from './inputs.ts';

const ownFields = new Set(['archive', 'platform', 'files']);

/** Contradictions between inputs, as sentences. Pure. */
export function inputProblems(given: Inputs, { environment }: InputSurroundings): readonly string[] {
  const names = given.archives.map(({ name }) => name);
  if (given.universal !== undefined) names.push(given.universal);
  return [
    ...clashingNames(names),
    ...unknownArchives(given, new Set(names)),
    ...readmeProblems(given),
    ...timeProblems(environment['SOURCE_DATE_EPOCH']),
  ];
}

function clashingNames(names: readonly string[]): readonly string[] {
  const folded = names.map((name) => name.normalize('NFC').toLowerCase());
  return names.flatMap((name, index) =>
    folded.indexOf(folded[index] ?? '') === index
      ? []
      : [`${printable(name)} is named in both archives and universal, which must differ`],
  );
}

function unknownArchives(given: Inputs, names: ReadonlySet<string>): readonly string[] {
  const ruled = {
    platforms: given.platforms,
    executable: given.executable,
    'required-entries': given.requiredEntries,
    'minimum-size': given.minimumSize,
    'maximum-size': given.maximumSize,
  };
  return Object.entries(ruled).flatMap(([input, rules]) =>
    rules.flatMap(({ archive }) =>
      archive === undefined || names.has(archive)
        ? []
        : [`${input} names ${printable(archive)}, which is not a zip of archives`],
    ),
  );
}

function readmeProblems({ readmeTemplate, readmeName, fields }: Inputs): readonly string[] {
  const problems: string[] = [];
  const nameProblem = readmeName === undefined ? undefined : entryNameProblem(readmeName);
  if (nameProblem !== undefined) problems.push(`readme-name ${nameProblem}`);
  if (readmeTemplate === undefined && fields.length > 0)
    problems.push('fields are given, but no readme-template to use them in');
  const seen = new Set<string>();
  for (const { name } of fields) {
    if (ownFields.has(name)) problems.push(`fields sets ${name}, which is always set`);
    if (seen.has(name)) problems.push(`fields sets ${name} twice`);
    seen.add(name);
  }
  return problems;
}

function timeProblems(sourceDateEpoch: string | undefined): readonly string[] {
  try {
    archiveTimeMs(sourceDateEpoch);
    return [];
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}
