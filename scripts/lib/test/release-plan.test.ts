import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { documentBlock } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import {
  type Changeset,
  changelogSections,
  parseChangeset,
  releaseNotes,
  withNotes,
} from '../release/changesets.ts';
import type { Observation } from '../release/observe.ts';
import { plan } from '../release/plan.ts';
import { root } from '../workspace.ts';

const head = 'a'.repeat(40);
const other = 'b'.repeat(40);
const minor: Changeset = { file: '.changeset/one.md', bump: 'minor', summary: 'One.' };

interface Differences extends Partial<Omit<Observation, 'request'>> {
  readonly request?: Partial<Observation['request']>;
}

function observed({ request, ...others }: Differences = {}): Observation {
  return {
    request: { version: '0.2.0', push: false, unsigned: false, ...request },
    head,
    branch: 'main',
    changedFiles: [],
    currentVersion: '0.1.0',
    changesets: [minor],
    changesetProblems: [],
    changelog: { '0.1.0': '- The first.' },
    tags: { 'v0.1.0': { commit: other, parent: other }, v0: { commit: other, parent: other } },
    remote: undefined,
    hasKey: true,
    ...others,
  };
}

function problemsOf(differences: Differences): readonly string[] {
  const planned = plan(observed(differences));
  return 'problems' in planned ? planned.problems : [];
}

const remote = { name: 'origin', tags: {}, isAhead: false };

describe('the plan of a release', () => {
  test('writes notes, builds twice, commits the bundles, and moves the tag of the major version', () => {
    expect(plan(observed())).toEqual({
      version: '0.2.0',
      tag: 'v0.2.0',
      from: head,
      branch: 'main',
      notes: '### New\n\n- One.',
      steps: [
        { kind: 'write-notes', removes: ['.changeset/one.md'], fromVersion: '0.1.0' },
        { kind: 'build-twice' },
        { kind: 'commit-bundles', onlyAs: undefined },
        { kind: 'make-files', signed: true },
        { kind: 'tag', name: 'v0.2.0', moves: false },
        { kind: 'tag', name: 'v0', moves: true },
      ],
    });
  });

  test('is JSON, and the same for the same state', () => {
    const planned = plan(observed());
    expect(JSON.parse(JSON.stringify(planned))).toEqual(JSON.parse(JSON.stringify(plan(observed()))));
  });

  test('pushes only when asked, and moves a tag only from where it was seen', () => {
    const planned = plan(
      observed({ request: { push: true }, remote: { ...remote, tags: { v0: other, 'v0.1.0': other } } }),
    );
    expect('steps' in planned && planned.steps.at(-1)).toEqual({
      kind: 'push',
      remote: 'origin',
      branch: 'main',
      tag: 'v0.2.0',
      moving: { name: 'v0', from: other },
    });
  });

  test('moves no tag for a version before the final one', () => {
    const planned = plan(observed({ request: { version: '1.0.0-rc.1' } }));
    expect('steps' in planned && planned.steps.filter(({ kind }) => kind === 'tag')).toEqual([
      { kind: 'tag', name: 'v1.0.0-rc.1', moves: false },
    ]);
  });

  test('goes on where an earlier run has written the notes, and takes no other commit for its tag', () => {
    const written = { currentVersion: '0.2.0', changelog: { '0.2.0': '- One.' }, changesets: [] };
    const tags = { 'v0.2.0': { commit: other, parent: head } };
    const planned = plan(observed({ ...written, tags }));
    expect(planned).toMatchObject({
      notes: '- One.',
      steps: [
        { kind: 'build-twice' },
        { kind: 'commit-bundles', onlyAs: other },
        { kind: 'make-files' },
        { kind: 'tag', name: 'v0', moves: true },
      ],
    });
    expect(problemsOf({ ...written, tags: { 'v0.2.0': { commit: head, parent: other } } })).toEqual([
      'the tag v0.2.0 exists and was not made from this commit. To finish that release, release it again from its own commit: git fetch --tags && git switch --create finish-v0.2.0 v0.2.0^. Otherwise release a later version',
    ]);
    expect(problemsOf({ ...written, changesets: [minor] })).toEqual([
      'CHANGELOG.md has 0.2.0, and there are new changesets: release them as a later version',
    ]);
  });

  test('says everything that is wrong at once', () => {
    const problems = problemsOf({
      request: { version: '0.0.9', push: true },
      branch: undefined,
      changedFiles: ['a', 'b', 'c'],
      changesets: [],
      changesetProblems: ['.changeset/x.md: it does not say what changed'],
      hasKey: false,
    });
    expect(problems).toEqual([
      'HEAD is not on a branch: switch to the one that is released',
      'there are uncommitted changes: a and 2 more; commit or remove them',
      '.changeset/x.md: it does not say what changed',
      '0.0.9 is not greater than 0.1.0, which was released',
      'no changeset in .changeset says what is new for users (docs/guides/releasing.md shows one)',
      'there is no signing key: set RELEASE_SIGNING_KEY (and RELEASE_SIGNING_PASSPHRASE), or give --unsigned for a release without signatures',
      '--push needs a remote called origin',
    ]);
  });

  test.each<readonly [string, Differences, string]>([
    ['no version', { request: { version: 'v1' } }, '"v1" is not a version, such as 1.2.3 or 1.2.3-rc.1'],
    [
      'a version with a v, as tags have it',
      { request: { version: 'v0.2.0' } },
      '"v0.2.0" is not a version, such as 1.2.3 or 1.2.3-rc.1',
    ],
    [
      'the version that was released last',
      { request: { version: '0.1.0' }, currentVersion: '0.0.1', tags: {} },
      '0.1.0 is not greater than 0.1.0, which was released',
    ],
    [
      'a version that only a tag knows of',
      { tags: { 'v0.3.0': { commit: other, parent: undefined } } },
      '0.2.0 is not greater than 0.3.0, which was released',
    ],
    [
      'a version that only the remote knows of',
      { request: { push: true }, remote: { ...remote, tags: { 'v0.3.0': other } } },
      '0.2.0 is not greater than 0.3.0, which was released',
    ],
    [
      'a step that is too small for the changesets',
      { request: { version: '0.1.1' } },
      'there is a minor changeset, so the version after 0.1.0 must be at least 0.2.0',
    ],
    [
      'a breaking change that is not a new major version',
      {
        request: { version: '1.1.0' },
        changelog: { '1.0.0': '' },
        changesets: [{ ...minor, bump: 'major' }],
      },
      'there is a major changeset, so the version after 1.0.0 must be at least 2.0.0',
    ],
    [
      'changesets that concern no user',
      { changesets: [{ ...minor, bump: undefined }] },
      'no changeset in .changeset says what is new for users (docs/guides/releasing.md shows one)',
    ],
    [
      'commits of the remote that are not here',
      { request: { push: true }, remote: { ...remote, isAhead: true } },
      'origin/main has commits that are not here: pull them first',
    ],
    [
      'a key that is not wanted',
      { request: { unsigned: true } },
      '--unsigned and RELEASE_SIGNING_KEY contradict each other: leave one out',
    ],
  ])('refuses %s', (_, differences, problem) => {
    expect(problemsOf(differences)).toEqual([problem]);
  });

  test.each<readonly [string, Differences]>([
    ['a breaking change before 1.0.0 as a minor version', { changesets: [{ ...minor, bump: 'major' }] }],
    ['no key when that is said', { request: { unsigned: true }, hasKey: false }],
    ['the first release, whatever its version', { changelog: {}, tags: {}, request: { version: '0.0.1' } }],
    ['a candidate of the next version', { request: { version: '0.2.0-rc.1' } }],
    ['the version after its candidate', { changelog: { '0.2.0-rc.1': '' } }],
  ])('accepts %s', (_, differences) => {
    expect(problemsOf(differences)).toEqual([]);
  });
});

describe('changesets', () => {
  test('are read as the guide shows one', () => {
    const { text } = documentBlock('docs/guides/releasing.md#say-what-changed');
    expect(parseChangeset('x.md', text)).toEqual({
      file: 'x.md',
      bump: 'minor',
      summary: '`buildcache-verify` checks mirrors of layout v4.',
    });
    expect(parseChangeset('x.md', '---\n---\n')).toEqual({ file: 'x.md', bump: undefined, summary: '' });
  });

  test('of this repository can be read', () => {
    for (const file of globSync('.changeset/!(README).md', { cwd: root }))
      expect(parseChangeset(file, readFileSync(join(root, file), 'utf8')).summary).not.toBe('');
  });

  test.each([
    ['another package', '---\n"@slipway/core": minor\n---\n\nText\n', 'must name "slipway" once'],
    ['two packages', '---\n"slipway": minor\n"other": minor\n---\n\nText\n', 'must name "slipway" once'],
    ['a bump that is none', '---\n"slipway": huge\n---\n\nText\n', 'invalid version type "huge"'],
    ['no text', '---\n"slipway": patch\n---\n', 'does not say what changed'],
    ['no front matter', 'Text\n', 'missing or invalid frontmatter'],
  ])('are refused with %s', (_, text, message) => {
    expect(() => parseChangeset('x.md', text)).toThrow(message);
  });

  test('become a section of the changelog, breaking changes first, above earlier versions', () => {
    const notes = releaseNotes([
      { file: 'a', bump: 'patch', summary: 'Mended.' },
      { file: 'b', bump: 'major', summary: 'Other.\n\nIn two paragraphs.' },
      { file: 'c', bump: 'patch', summary: 'Mended too.' },
      { file: 'd', bump: undefined, summary: '' },
    ]);
    expect(notes).toBe(
      '### Breaking changes\n\n- Other.\n\n  In two paragraphs.\n\n### Fixed\n\n- Mended.\n- Mended too.',
    );
    const first = withNotes('', '0.1.0', '2026-01-01', '- The first.');
    const second = withNotes(first, '0.2.0', '2026-02-01', notes);
    expect(second).toBe(
      `# Changelog\n\nOne version covers all actions.\n\n## 0.2.0 (2026-02-01)\n\n${notes}\n\n## 0.1.0 (2026-01-01)\n\n- The first.\n`,
    );
    expect([...changelogSections(second)]).toEqual([
      ['0.2.0', notes],
      ['0.1.0', '- The first.'],
    ]);
  });
});
