import { describe, expect, test } from 'vitest';
import { headerDifferences, headersOf } from '../src/headers.ts';
import { type ObservedObject, planPublish, type WantedObject } from '../src/publish/plan.ts';
import type { StoredState } from '../src/stored-state.ts';
import { sha256Of } from './downloads.ts';

const rules = { lengthSeconds: 43_200, count: 2, toleranceMs: 0, graceMs: 0, maxAgeSeconds: 60 };
const missing: StoredState = { kind: 'missing' };

function wanted(window: number, platform: string, content = platform): WantedObject {
  const hash = sha256Of(`${window} ${platform}`).slice(0, 32);
  return {
    key: `downloads/${window}/${hash}/${platform}/app.zip`,
    window,
    platform,
    name: 'app.zip',
    path: `/out/${platform}.zip`,
    sizeBytes: content.length,
    sha256: sha256Of(content),
    headers: headersOf('app.zip', window, rules),
  };
}

function stored(
  object: WantedObject,
  changed: Partial<Extract<StoredState, { kind: 'stored' }>> = {},
): ObservedObject {
  const { sizeBytes, sha256, headers } = object;
  return { wanted: object, stored: { kind: 'stored', sizeBytes, sha256, etag: '"e"', headers, ...changed } };
}

const options = { replace: false, minCopyBytes: 1 };

describe('the plan of a publish', () => {
  test('sends each file for the first window, and copies it for the others', () => {
    const objects = [wanted(2, 'macos'), wanted(1, 'linux'), wanted(1, 'macos'), wanted(2, 'linux')];
    const plan = planPublish(
      [1, 2],
      objects.map((object) => ({ wanted: object, stored: missing })),
      options,
    );
    expect(plan.steps.map(({ window, platform, copyOf }) => [window, platform, copyOf])).toEqual([
      [1, 'linux', undefined],
      [1, 'macos', undefined],
      [2, 'macos', wanted(1, 'macos').key],
      [2, 'linux', wanted(1, 'linux').key],
    ]);
    expect(plan.steps.every(({ condition, reason }) => condition === 'absent' && reason === 'new')).toBe(
      true,
    );
    expect(JSON.parse(JSON.stringify(plan))).toEqual(JSON.parse(JSON.stringify({ ...plan })));
  });

  test('sends small files again, and all files if the store cannot copy', () => {
    const seen = [1, 2].map((window) => ({ wanted: wanted(window, 'macos'), stored: missing }));
    for (const minCopyBytes of [6, Number.POSITIVE_INFINITY]) {
      const { steps } = planPublish([1, 2], seen, { ...options, minCopyBytes });
      expect(steps.map(({ copyOf }) => copyOf)).toEqual([undefined, undefined]);
    }
  });

  test('copies nothing that an earlier run stored', () => {
    const seen = [stored(wanted(1, 'macos')), { wanted: wanted(2, 'macos'), stored: missing }];
    const { steps, unchanged } = planPublish([1, 2], seen, options);
    expect(unchanged).toBe(1);
    expect(steps).toMatchObject([{ window: 2, copyOf: undefined }]);
  });

  test('leaves correct objects alone, also in stores that keep no headers', () => {
    const same = wanted(1, 'macos');
    for (const seen of [stored(same), stored(same, { headers: undefined, etag: undefined })]) {
      expect(planPublish([1], [seen], options)).toEqual({ windows: [1], steps: [], unchanged: 1 });
    }
  });

  test('stores objects with different headers again, if they have not changed since', () => {
    const object = wanted(1, 'macos');
    const { expiresAtMs, ...kept } = object.headers;
    const others = [
      { ...object.headers, contentType: 'text/html' },
      { ...object.headers, cacheControl: 'max-age=99' },
      { ...object.headers, contentDisposition: undefined },
      kept,
    ];
    for (const headers of others) {
      const { steps } = planPublish([1], [stored(object, { headers })], options);
      expect(steps).toMatchObject([{ reason: 'other-headers', condition: { etag: '"e"' } }]);
    }
    expect(expiresAtMs).toBe(2 * 43_200_000);
  });

  test('I2: different bytes are refused together, without their links, or replaced if they have not changed since', () => {
    const seen = ['macos', 'linux'].map((platform) =>
      stored(wanted(1, platform), { sha256: sha256Of('other') }),
    );
    expect(() => planPublish([1], seen, options)).toThrow(/2 files already exist with different bytes/);
    expect(() => planPublish([1], seen, options)).not.toThrow(/[0-9a-f]{16}/);
    const { steps } = planPublish([1], seen, { ...options, replace: true });
    expect(steps.map(({ reason, condition }) => [reason, condition])).toEqual([
      ['replaced', { etag: '"e"' }],
      ['replaced', { etag: '"e"' }],
    ]);
    const [ofOtherSize] = [stored(wanted(1, 'macos'), { sha256: undefined, sizeBytes: 1 })];
    expect(() => planPublish([1], [ofOtherSize], options)).toThrow(/1 file already exists/);
  });
});

test('Content-Disposition has a name for old clients and the full one, and quotes around a plain name make no difference', () => {
  const named = headersOf('Größe "1".zip', 1, rules);
  expect(named.contentDisposition).toBe(
    `attachment; filename="Gr__e _1_.zip"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%20%221%22.zip`,
  );
  const plain = headersOf('app.zip', 1, rules);
  const stored = (contentDisposition: string) => ({ ...plain, contentDisposition });
  expect(headerDifferences(stored('attachment; filename="app.zip"'), plain)).toEqual([]);
  expect(headerDifferences(stored('attachment; filename="other.zip"'), plain)).toEqual([
    'Content-Disposition',
  ]);
  expect(headerDifferences(stored('inline; filename="app.zip"'), plain)).toEqual(['Content-Disposition']);
});
