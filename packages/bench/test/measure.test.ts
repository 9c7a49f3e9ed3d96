import { describe, expect, it } from 'vitest';
import { type Contender, type Measurement, measure, median } from '../src/measure.ts';
import { runProcess } from '../src/process.ts';
import { formatResult } from '../src/report.ts';

/** A contender whose runs take the given times, and which records its calls. */
function scripted(label: string, wallMs: readonly number[], calls: string[], pieces = 1): Contender {
  let next = 0;
  return {
    label,
    pieces,
    prepare: () => void calls.push(`prepare ${label}`),
    run: async () => {
      calls.push(`run ${label}`);
      const run = { wallMs: wallMs[next] ?? 0, peakRssBytes: (next + 1) * 2 ** 20, firstLineMs: undefined };
      next += 1;
      return run;
    },
    check: () => void calls.push(`check ${label}`),
  };
}

const measurement = (ours: Contender, peer: Measurement['peer'], aim?: Measurement['aim']): Measurement => ({
  name: 'rebuild',
  entryCount: 1000,
  ours,
  peer,
  clock: 'wall',
  aim,
});

describe('measuring', () => {
  it('runs both sides in turn, each prepared before and checked after', async () => {
    const calls: string[] = [];
    await measure(measurement(scripted('a', [1, 1], calls), scripted('b', [1, 1], calls)), {
      runs: 2,
      budgetMs: 1000,
    });
    const round = ['prepare a', 'run a', 'check a', 'prepare b', 'run b', 'check b'];
    expect(calls).toEqual([...round, ...round]);
  });

  it('compares medians by the piece, and keeps the highest memory', async () => {
    const result = await measure(
      measurement(scripted('a', [100, 10, 20], [], 10), scripted('b', [500, 300, 400], [], 5), {
        kind: 'ratio',
        atLeast: 40,
      }),
      { runs: 3, budgetMs: 10_000 },
    );
    expect(result.ours.medianMsPerPiece).toBe(2);
    expect(result.peer?.medianMsPerPiece).toBe(80);
    expect(result).toMatchObject({ ratio: 40, reached: true, ours: { peakRssBytes: 3 * 2 ** 20 } });
  });

  it('does not run a side again that has used up its budget', async () => {
    const calls: string[] = [];
    const result = await measure(measurement(scripted('a', [1, 1, 1], calls), scripted('b', [5000], calls)), {
      runs: 3,
      budgetMs: 1000,
    });
    expect(result.ours.runsMs).toHaveLength(3);
    expect(result.peer?.runsMs).toEqual([5000]);
  });

  it('says when the peer was measured elsewhere', async () => {
    const result = await measure(
      measurement(
        scripted('a', [100], []),
        { label: 'Spack 1.2', msPerPiece: 22_000 },
        {
          kind: 'ratio',
          atLeast: 400,
        },
      ),
      { runs: 1, budgetMs: 1000 },
    );
    expect(result).toMatchObject({ ratio: 220, reached: false, peer: { measuredElsewhere: true } });
    expect(formatResult(result)).toBe(
      'rebuild of 1,000: 100 ms (1 run), 1.00 MiB against Spack 1.2, measured elsewhere 22.0 s: 220× (other machine) (aim 400×, missed)\n',
    );
  });

  it('fails when a run did not do its work', async () => {
    const broken: Contender = {
      ...scripted('a', [1], []),
      check: () => {
        throw new Error('nothing was indexed');
      },
    };
    await expect(measure(measurement(broken, undefined), { runs: 1, budgetMs: 1 })).rejects.toThrow(
      'nothing was indexed',
    );
  });

  it('takes the middle of the runs', () => {
    expect([median([3, 1, 2]), median([4, 1, 2, 3]), median([])]).toEqual([2, 2.5, Number.NaN]);
  });
});

describe('running a process', () => {
  const node = (script: string) => ({ program: process.execPath, args: ['-e', script] });

  it('notices its first line and its memory', async () => {
    const run = await runProcess(
      node(
        'const held = Buffer.alloc(200 * 2 ** 20, 1); console.log(held.length); setTimeout(() => {}, 200)',
      ),
    );
    expect(run.firstLineMs).toBeLessThan(run.wallMs);
    if (process.platform === 'linux') expect(run.peakRssBytes).toBeGreaterThan(200 * 2 ** 20);
  });

  it('refuses an unexpected exit code, with the output of the program', async () => {
    await expect(runProcess(node('console.error("no such mirror"); process.exit(3)'))).rejects.toThrow(
      /exit code 3[\s\S]*no such mirror/,
    );
    await expect(runProcess(node('process.exit(1)'), [0, 1])).resolves.toMatchObject({
      firstLineMs: undefined,
    });
  });

  it('reports a missing program', async () => {
    await expect(runProcess({ program: '/no/such/program', args: [] })).rejects.toThrow(
      'could not be started',
    );
  });
});
