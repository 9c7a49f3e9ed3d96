import { createHash } from 'node:crypto';
import { Uint8ArrayReader, Uint8ArrayWriter, ZipWriter } from '@zip.js/zip.js';

/** What a wheel says about itself. */
export interface WheelOptions {
  /** As the project spells it: `zope.interface`. */
  readonly name: string;
  readonly version: string;
  /** `Requires-Python`. */
  readonly requiresPython?: string;
  /** `Requires-Dist`, one each. */
  readonly requires?: readonly string[];
  /** `py3-none-any` by default, which every Python 3 takes. */
  readonly tag?: string;
  /** Part of its only module, so that wheels of one name can have other bytes. */
  readonly marker?: string;
}

/** A wheel that pip and uv install: one module, named after the project, with its `version`. */
export interface Wheel {
  readonly fileName: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly metadata: string;
  /** Of the whole file, 64 hexadecimal digits. */
  readonly sha256: string;
}

const zipDate = new Date(2024, 0, 1);

/** Makes a wheel (PEP 427). The same options give the same bytes. */
export async function makeWheel(options: WheelOptions): Promise<Wheel> {
  const { name, version, requiresPython, requires = [], tag = 'py3-none-any', marker = '' } = options;
  const escaped = name.replace(/[-_.]+/g, '_');
  const info = `${escaped}-${version}.dist-info`;
  const metadata = [
    'Metadata-Version: 2.4',
    `Name: ${name}`,
    `Version: ${version}`,
    ...(requiresPython === undefined ? [] : [`Requires-Python: ${requiresPython}`]),
    ...requires.map((one) => `Requires-Dist: ${one}`),
    '',
  ].join('\n');
  const files = [
    [
      `${escaped.toLowerCase()}.py`,
      `version = ${JSON.stringify(version)}\nmarker = ${JSON.stringify(marker)}\n`,
    ],
    [`${info}/METADATA`, metadata],
    [`${info}/WHEEL`, `Wheel-Version: 1.0\nGenerator: slipway\nRoot-Is-Purelib: true\nTag: ${tag}\n`],
  ] as const;
  const record = [
    ...files.map(
      ([path, text]) =>
        `${path},sha256=${createHash('sha256').update(text).digest('base64url')},${Buffer.byteLength(text)}`,
    ),
    `${info}/RECORD,,`,
    '',
  ].join('\n');
  const zip = new ZipWriter(new Uint8ArrayWriter(), { useWebWorkers: false, lastModDate: zipDate });
  for (const [path, text] of [...files, [`${info}/RECORD`, record] as const])
    await zip.add(path, new Uint8ArrayReader(Buffer.from(text)));
  const bytes = new Uint8Array(await zip.close());
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { fileName: `${escaped}-${version}-${tag}.whl`, bytes, metadata, sha256 };
}
