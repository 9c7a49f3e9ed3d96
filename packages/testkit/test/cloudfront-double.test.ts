import { GetInvalidation$, Invalidation$, InvalidationBatch$ } from '@aws-sdk/client-cloudfront';
import { CloudFrontDouble } from '@slipway/testkit';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { fromXml, httpOf, parseXml, toXml } from '../src/smithy-xml.ts';

const namespace = 'http://cloudfront.amazonaws.com/doc/2020-05-31/';
const batch = { Paths: { Quantity: 2, Items: ['/a', '/b*'] }, CallerReference: 'r' };
const headers = {
  authorization: `AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/cloudfront/aws4_request, SignedHeaders=host;x-amz-date, Signature=${'0'.repeat(64)}`,
  'x-amz-date': '20260101T000000Z',
};

async function answerTo(
  body: string,
  more: Readonly<Record<string, string>> = headers,
  completesAfterMs = 0,
): Promise<{ readonly status: number; readonly text: string; readonly made: number }> {
  const double = await CloudFrontDouble.start({ distributionId: 'E1', completesAfterMs });
  onTestFinished(() => double.close());
  const url = `${double.url}/2020-05-31/distribution/E1/invalidation`;
  const response = await fetch(url, { method: 'POST', headers: more, body });
  return { status: response.status, text: await response.text(), made: double.invalidations.length };
}

describe('the double of CloudFront', () => {
  it.each([
    ['InProgress', 60_000],
    ['Completed', 0],
  ])(
    'takes what the schema of the service describes, and answers so: %s',
    async (state, completesAfterMs) => {
      const body = toXml('InvalidationBatch', batch, InvalidationBatch$, namespace);
      const { status, text } = await answerTo(body, headers, completesAfterMs);
      expect(status).toBe(201);
      expect(fromXml(parseXml(text), Invalidation$)).toMatchObject({
        Status: state,
        CreateTime: expect.any(Date),
        InvalidationBatch: batch,
      });
    },
  );

  const document = (contents: string, attributes = ` xmlns="${namespace}"`): string =>
    `<InvalidationBatch${attributes}>${contents}</InvalidationBatch>`;
  const paths = '<Paths><Quantity>1</Quantity><Items><Path>/a</Path></Items></Paths>';
  const reference = '<CallerReference>r</CallerReference>';
  it.each([
    ['no XML', 'MalformedInput', 'paths=/a'],
    ['no namespace', 'MalformedInput', document(paths + reference, '')],
    ['no reference', 'MalformedInput', document(paths)],
    ['an unknown member', 'MalformedInput', document(`${paths}${reference}<Tags/>`)],
    ['a member twice', 'MalformedInput', document(paths + reference + reference)],
    ['items of another name', 'MalformedInput', document(paths.replaceAll('Path>', 'Item>') + reference)],
    ['a quantity that is none', 'MalformedInput', document(paths.replace('1', 'one') + reference)],
    ['a wrong quantity', 'InconsistentQuantities', document(paths.replace('1', '2') + reference)],
    ['a path without a slash', 'InvalidArgument', document(paths.replace('/a', 'a') + reference)],
    ['a space', 'InvalidArgument', document(paths.replace('/a', '/a b') + reference)],
    ['a tilde', 'InvalidArgument', document(paths.replace('/a', '/~a') + reference)],
    ['a tag with a comma', 'InvalidArgument', document(paths.replace('/a', '#a,b') + reference)],
  ])('refuses %s (%s)', async (_, code, body) => {
    const { status, text, made } = await answerTo(body);
    expect(status).toBe(400);
    expect(text).toContain(`<Code>${code}</Code>`);
    expect(made).toBe(0);
  });

  it('refuses a request that is not signed for CloudFront', async () => {
    const body = toXml('InvalidationBatch', batch, InvalidationBatch$, namespace);
    const { 'x-amz-date': _date, ...undated } = headers;
    const elsewhere = { ...headers, authorization: headers.authorization.replace('/cloudfront/', '/s3/') };
    for (const unsigned of [{}, undated, elsewhere]) {
      expect(await answerTo(body, unsigned)).toMatchObject({ status: 403, made: 0 });
    }
  });
});

describe('XML by schema', () => {
  it('says of a value what was said', () => {
    const text = fc
      .string({ unit: 'binary' })
      .filter((value) => value.isWellFormed() && !/[\u0000-\u001f]/.test(value));
    fc.assert(
      fc.property(fc.array(text), text, (items, reference) => {
        const value = { Paths: { Quantity: items.length, Items: items }, CallerReference: reference };
        const xml = `<?xml version="1.0"?>\n${toXml('InvalidationBatch', value, InvalidationBatch$, namespace)}`;
        expect(fromXml(parseXml(xml), InvalidationBatch$)).toEqual(value);
      }),
    );
  });

  it('cannot say what the schema does not have', () => {
    expect(() => toXml('Invalidation', { Id: 'I1' }, Invalidation$)).toThrow(/lacks Status/);
    expect(() => toXml('InvalidationBatch', { ...batch, Tags: [] }, InvalidationBatch$)).toThrow(
      /no member Tags/,
    );
  });

  it('knows the way of an operation', () => {
    const { method, path, status } = httpOf(GetInvalidation$);
    expect([method, status]).toEqual(['GET', 200]);
    expect(path.exec('/2020-05-31/distribution/E1/invalidation/I1')?.groups).toEqual({
      DistributionId: 'E1',
      Id: 'I1',
    });
  });

  it.each(['', '<a>', '<a></b>', '</a>', 'text', '<a/>text', '<a b=c/>', '<a/><b', '<!-- x --><a/>'])(
    '%j is no document',
    (text) => {
      expect(() => parseXml(text)).toThrow();
    },
  );
});
