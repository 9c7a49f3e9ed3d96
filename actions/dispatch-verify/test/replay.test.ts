import { readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { timeText } from '@slipway/dispatch-payload';
import { type ActionRunResult, failureOf, haveMinio, startMinio, temporaryDirectory } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { codesOf, filesIn, hourMs, message, newStore, type Receiving, receive } from './receiving.ts';

const dayMs = 24 * hourMs;

async function take(seen: string, given: Receiving = {}, payload = message()): Promise<ActionRunResult> {
  return receive(await payload, { ...given, inputs: { seen, ...given.inputs } });
}
function payloadFile(payload: unknown): string {
  const path = join(temporaryDirectory('message'), 'payload.json');
  writeFileSync(path, typeof payload === 'string' ? payload : JSON.stringify(payload));
  return path;
}

const run = (id: string, attempt = '1') => ({
  environment: { GITHUB_RUN_ID: id, GITHUB_RUN_ATTEMPT: attempt },
});

describe('an id is claimed by one run', () => {
  test('and every other is refused, with the run that has it', async () => {
    const { url } = newStore();
    expect(codesOf(await take(url, run('1')))).toEqual([]);
    const second = await take(url, run('2'));
    expect(codesOf(second)).toEqual(['replayed']);
    expect(second.outputs).toEqual({});
    expect(second.problems[0]?.message).toContain('https://github.example.org/acme/site/actions/runs/1');
  });

  test('until a manual run with again claims it; then that run has it', async () => {
    const { url } = newStore();
    const payload = message();
    expect(codesOf(await take(url, run('1'), payload))).toEqual([]);
    const file = { 'payload-file': payloadFile(await payload) };
    expect(codesOf(await take(url, { ...run('2'), inputs: file }, payload))).toEqual(['replayed']);
    const again = { ...file, again: 'true' };
    expect(codesOf(await take(url, { ...run('2'), inputs: again }, payload))).toEqual([]);
    const later = await take(url, run('3'), payload);
    expect(codesOf(later)).toEqual(['replayed']);
    expect(later.problems[0]?.message).toContain('/actions/runs/2');
    const automatic = await failureOf(take(url, { ...run('4'), inputs: { again: 'true' } }, payload));
    expect(automatic.message).toContain('again is set without payload-file');
  });

  test('which may claim it again, so that a killed job is not locked out (I5)', async () => {
    const { url } = newStore();
    expect(codesOf(await take(url, run('1')))).toEqual([]);
    expect(codesOf(await take(url, run('1', '2')))).toEqual([]);
  });

  test('by the id of the message, however often it is signed again', async () => {
    const { url } = newStore();
    expect(codesOf(await take(url, run('1')))).toEqual([]);
    const later = message(
      { channel: 'stable' },
      { issuedAt: timeText(Date.now() - 60_000), expiresAt: timeText(Date.now() + 50 * hourMs) },
    );
    expect(codesOf(await take(url, run('2'), later))).toEqual(['replayed']);
    expect(codesOf(await take(url, run('3'), message({}, { id: 'message-2' })))).toEqual([]);
  });

  test('for each repository that shares the store', async () => {
    const { url, directory } = newStore();
    expect(codesOf(await take(url))).toEqual([]);
    const other = { environment: { GITHUB_REPOSITORY: 'Acme/Mirror', GITHUB_RUN_ID: '5' } };
    expect(codesOf(await take(url, other, message({}, { audience: 'acme/mirror' })))).toEqual([]);
    const kept = Object.keys(filesIn(directory)).filter((path) => path.endsWith('.json'));
    expect(kept.map((path) => path.split('/').slice(0, 2).join('/')).sort()).toEqual([
      'acme/mirror',
      'acme/site',
    ]);
  });

  test('and not by a message that is refused for another reason', async () => {
    const { url, directory } = newStore();
    expect(codesOf(await take(url, { inputs: { 'event-types': 'other' } }))).toEqual(['event-type-refused']);
    expect(filesIn(directory)).toEqual({});
  });

  test('and a dry run claims none, but reports which run has it', async () => {
    const { url, directory } = newStore();
    const dry = await take(url, { inputs: { 'dry-run': 'true' } });
    expect(codesOf(dry)).toEqual([]);
    expect(dry.log.join('\n')).toContain('Would claim the message message-1');
    expect(Object.keys(filesIn(directory)).filter((path) => path.endsWith('.json'))).toEqual([]);
    await take(url, run('1'));
    expect(codesOf(await take(url, { ...run('2'), inputs: { 'dry-run': 'true' } }))).toEqual(['replayed']);
  });

  test('only one of many concurrent runs', async () => {
    const { url } = newStore();
    const payload = await message();
    const results = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        receive(payload, { ...run(String(index)), inputs: { seen: url } }),
      ),
    );
    expect(results.filter((result) => codesOf(result).length === 0)).toHaveLength(1);
    expect(results.filter((result) => codesOf(result)[0] === 'replayed')).toHaveLength(11);
  });
});

describe('an id is deleted', () => {
  const aheadMs = 31 * dayMs;
  const later = () =>
    message(
      {},
      {
        id: 'message-2',
        issuedAt: timeText(Date.now() + aheadMs),
        expiresAt: timeText(Date.now() + aheadMs + dayMs),
      },
    );
  const idsIn = (directory: string): readonly unknown[] =>
    Object.entries(filesIn(directory))
      .filter(([path]) => path.endsWith('.json'))
      .map(([, text]) => JSON.parse(text).id)
      .sort();

  test('only after it has expired, by a plan that is printed first (I6)', async () => {
    const { url, directory } = newStore();
    await take(url, run('1'));
    const soon = message({}, { id: 'message-3' });
    expect(codesOf(await take(url, { ...run('2') }, soon))).toEqual([]);
    expect(idsIn(directory)).toEqual(['message-1', 'message-3']);
    const dry = await take(url, { ...run('3'), aheadMs, inputs: { 'dry-run': 'true' } }, later());
    expect(dry.log.filter((line) => line.startsWith('Would delete the record of the message'))).toHaveLength(
      2,
    );
    expect(idsIn(directory)).toEqual(['message-1', 'message-3']);
    const result = await take(url, { ...run('3'), aheadMs }, later());
    expect(codesOf(result)).toEqual([]);
    expect(
      result.log.filter((line) => line.startsWith('Will delete the record of the message')),
    ).toHaveLength(2);
    expect(idsIn(directory)).toEqual(['message-2']);
  });

  test('never while a message with it could still be sent again by the same run', async () => {
    const { url, directory } = newStore();
    await take(url, run('1'));
    await take(
      url,
      { ...run('2'), aheadMs: 29 * dayMs },
      message(
        {},
        {
          id: 'message-2',
          issuedAt: timeText(Date.now() + 29 * dayMs),
          expiresAt: timeText(Date.now() + 30 * dayMs),
        },
      ),
    );
    expect(idsIn(directory)).toEqual(['message-1', 'message-2']);
  });

  test('never before the time that the claim itself names, however old the store says it is', async () => {
    const { url, directory } = newStore();
    await take(url, run('1'));
    for (const path of Object.keys(filesIn(directory))) utimesSync(join(directory, path), 0, 0);
    await take(url, run('2'), message({}, { id: 'message-2' }));
    expect(idsIn(directory)).toEqual(['message-1', 'message-2']);
  });

  test('other files in the store stay, and are never mistaken for claims', async () => {
    const { url, directory } = newStore();
    await take(url, run('1'));
    const [claim = ''] = Object.keys(filesIn(directory)).filter((path) => path.endsWith('.json'));
    expect(JSON.parse(readFileSync(join(directory, claim), 'utf8'))).toMatchObject({
      id: 'message-1',
      source: 'acme/app',
    });
    writeFileSync(join(directory, claim), '{"claimedBy":');
    expect(codesOf(await take(url, run('1')))).toEqual(['replayed']);
    writeFileSync(join(directory, 'acme/site/notes.txt'), 'mine');
    await take(url, { ...run('3'), aheadMs }, later());
    expect(readFileSync(join(directory, 'acme/site/notes.txt'), 'utf8')).toBe('mine');
  });
});

describe.skipIf(!haveMinio())('a store on S3 (needs minio)', () => {
  test('grants an id to only one of many concurrent runs, and to that one again', async () => {
    const minio = await startMinio();
    try {
      const { endpointUrl, credentials } = minio;
      const seen = `s3://${await minio.makeBucket()}/seen`;
      const inputs = {
        seen,
        'endpoint-url': endpointUrl,
        'force-path-style': 'true',
        'access-key-id': credentials.accessKeyId,
        'secret-access-key': credentials.secretAccessKey,
      };
      const payload = await message();
      const results = await Promise.all(
        Array.from({ length: 8 }, (_, index) => receive(payload, { ...run(String(index)), inputs })),
      );
      const winner = results.findIndex((result) => codesOf(result).length === 0);
      expect(results.map(codesOf).filter(([code]) => code === 'replayed')).toHaveLength(7);
      expect(codesOf(await receive(payload, { ...run(String(winner), '2'), inputs }))).toEqual([]);
      const aheadMs = 31 * dayMs;
      const later = {
        issuedAt: timeText(Date.now() + aheadMs),
        expiresAt: timeText(Date.now() + aheadMs + dayMs),
      };
      const result = await receive(await message({}, { id: 'message-2', ...later }), {
        ...run('50'),
        inputs,
        aheadMs,
      });
      expect(result.log).toContainEqual(
        expect.stringMatching(/^Will delete the record of the message message-1/),
      );
      expect(codesOf(await receive(payload, { ...run('51'), inputs }))).toEqual([]);
    } finally {
      await minio.stop();
    }
  });
});
