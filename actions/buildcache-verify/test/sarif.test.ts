import { readFileSync } from 'node:fs';
import { type Finding, finding, findingSeverities } from '@slipway/mirror';
import { attacks, makeAttackKeys, prepareMirror, spackFixture, trustedKeysFor } from '@slipway/testkit';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { describe, expect, it } from 'vitest';
import { formatSarif } from '../src/sarif.ts';
import { fixtureFingerprint, verify } from './verifying.ts';

const schema: Record<string, unknown> = JSON.parse(
  readFileSync(new URL('testdata/sarif-2.1.0-subset.schema.json', import.meta.url), 'utf8'),
);
const ajv = new Ajv({ allErrors: true, strict: true });
addFormats.default(ajv);
const validate = ajv.compile(schema);

interface Sarif {
  readonly runs: readonly {
    readonly tool: { readonly driver: { readonly rules: readonly { readonly id: string }[] } };
    readonly results: readonly {
      readonly ruleId: string;
      readonly ruleIndex: number;
      readonly level: string;
      readonly message: { readonly text: string };
      readonly locations: readonly [
        { readonly physicalLocation: { readonly artifactLocation: { readonly uri: string } } },
      ];
      readonly partialFingerprints: { readonly primaryLocationLineHash: string };
    }[];
  }[];
}

/** The run of a report that follows the schema. */
function checked(document: unknown): Sarif['runs'][number] {
  expect(validate(document), JSON.stringify(validate.errors)).toBe(true);
  const [run] = (document as Sarif).runs;
  if (run === undefined) throw new Error('the report has no run');
  return run;
}

function sarifOf(findings: readonly Finding[], mirror = 'file:///srv/mirror'): Sarif['runs'][number] {
  return checked(JSON.parse(formatSarif(findings, mirror, '1.2.3')));
}

describe('a SARIF report', () => {
  it('would be rejected by this schema if invalid', () => {
    expect(validate({ version: '2.1.0', runs: [{ tool: { driver: { name: 'x' } } }] })).toBe(false);
  });

  it('of a clean mirror has no results', async () => {
    const result = await verify(spackFixture('v3-signed'), { 'trusted-keys': fixtureFingerprint });
    const { results } = checked(result.json('sarif'));
    expect(results.filter(({ level }) => level !== 'note')).toEqual([]);
  });

  it('of attacked mirrors has every finding, with its rule, level and place', async () => {
    const keys = await makeAttackKeys();
    for (const attack of attacks.filter((_, index) => index % 12 === 0)) {
      const context = await prepareMirror(keys);
      await attack.apply(context);
      const trustedKeys = trustedKeysFor(attack, keys);
      const result = await verify(context.directory, { 'trusted-keys': trustedKeys, level: attack.level });
      const { results, tool } = checked(result.json('sarif'));
      expect(results.map(({ ruleId }) => ruleId).sort(), attack.name).toEqual(
        result.problems.map(({ code }) => code).sort(),
      );
      for (const { ruleId, ruleIndex } of results) expect(tool.driver.rules[ruleIndex]?.id).toBe(ruleId);
    }
  });

  it('maps severities to levels', () => {
    const { results } = sarifOf([
      finding('unsigned', 'a', 'message'),
      finding('entry-differs', 'b', 'message'),
      finding('blob-orphaned', 'c', 'message'),
    ]);
    expect(results.map(({ level }) => level)).toEqual(['error', 'warning', 'note']);
  });

  it('has a rule for every code', () => {
    const codes = Object.keys(findingSeverities) as (keyof typeof findingSeverities)[];
    const { tool } = sarifOf(codes.map((code) => finding(code, undefined, 'message')));
    expect(tool.driver.rules.map(({ id }) => id)).toEqual([...codes].sort());
  });

  it('includes what to do along with what is wrong', () => {
    const [result] = sarifOf([finding('unsigned', 'a', 'it is not signed', 'Sign it.')]).results;
    expect(result?.message.text).toBe('it is not signed. Sign it.');
  });

  it('gives the same finding the same fingerprint, and other findings other ones', () => {
    const findings = [
      finding('unsigned', 'a', 'm'),
      finding('unsigned', 'b', 'm'),
      finding('name-invalid', 'a', 'm'),
    ];
    const prints = (list: readonly Finding[]) =>
      sarifOf(list).results.map(({ partialFingerprints }) => partialFingerprints.primaryLocationLineHash);
    expect(new Set(prints(findings)).size).toBe(3);
    expect(prints(findings.toReversed())).toEqual(prints(findings).toReversed());
  });

  it('I8: with hostile names is still a valid document with relative places', () => {
    const names = [
      '/etc/passwd',
      '../../up',
      'a b%20c',
      'ü\u202e',
      '::error::x',
      'http://host/x',
      '\n',
      '\ud800',
    ];
    const { results } = sarifOf(names.map((name) => finding('file-unknown', name, `about ${name}`)));
    for (const { locations } of results) {
      const base = 'file:///srv/mirror/';
      const { uri } = locations[0].physicalLocation.artifactLocation;
      expect(new URL(uri, base).href.startsWith(base), uri).toBe(true);
    }
  });

  it("I8: is cut at GitHub's limit, keeping the worst findings", () => {
    const many = Array.from({ length: 6_000 }, (_, index) => finding('blob-orphaned', `blob-${index}`, 'm'));
    const { results } = sarifOf([...many, finding('unsigned', 'last', 'm')]);
    expect(results).toHaveLength(5_000);
    expect(results[0]?.ruleId).toBe('unsigned');
  });
});
