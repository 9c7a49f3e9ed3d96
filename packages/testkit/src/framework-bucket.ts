import { createHash } from 'node:crypto';
import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { mapConcurrently } from '@slipway/core';

/** An object of a bucket like that of a framework: wheels for many accelerators, and archives of its C++ library. */
export interface FrameworkObject {
  readonly key: string;
  /** Where its SHA-256 can be found without reading it. */
  readonly hash: 'checksum' | 'metadata' | 'nowhere';
}

const accelerators = ['cpu', 'cu118', 'cu121', 'cu126', 'rocm6.2', 'rocm5.4.2', 'xpu'];
/** Below a prefix, but no subdirectories of its index. */
const elsewhere = ['rocm7', 'CPU', 'lts/1.8', 'archive/cu118'];
const openEnded = ['cu121_full', 'cpu-cxx11-abi', 'cu118/archive'];
const pythons = ['cp310', 'cp311', 'cp312', 'cp313'];
const platforms = ['manylinux_2_28_x86_64', 'manylinux_2_28_aarch64', 'win_amd64', 'macosx_11_0_arm64'];
const builtProjects = ['torch', 'torchvision', 'torchaudio', 'pytorch_triton', 'fbgemm_gpu'];
const pureProjects = ['filelock', 'Jinja2', 'MarkupSafe', 'networkx', 'typing_extensions', 'sympy', 'idna'];
const otherProjects = ['not_in_any_allow_list', 'torch_extra'];

/**
 * About `count` objects of a framework's bucket, the same for the same count: all prefixes, local versions, nightly builds of
 * more days than are shown, directories that are no subdirectories, and hashes in every place.
 */
export function frameworkObjects(count: number): readonly FrameworkObject[] {
  const keys = new Set<string>();
  // The rare ones are always there; nightly builds fill the rest.
  for (const key of rareKeys()) keys.add(key);
  for (const key of buildKeys()) {
    if (keys.size >= count * 0.6) break;
    keys.add(key);
  }
  for (const key of nightlyKeys()) {
    if (keys.size >= count * 0.9) break;
    keys.add(key);
  }
  for (const key of libraryKeys()) {
    if (keys.size >= count) break;
    keys.add(key);
  }
  return [...keys].map((key, index) => ({
    key,
    hash: key.endsWith('.metadata')
      ? 'checksum'
      : ((['checksum', 'checksum', 'metadata', 'nowhere'] as const)[index % 4] ?? 'checksum'),
  }));
}

/** The bytes of an object: short, and different for each key. */
export function frameworkBytes(key: string): Buffer {
  if (!key.endsWith('.metadata')) return Buffer.from(`bytes of ${key}\n`);
  const [name = '', version = ''] = key.slice(key.lastIndexOf('/') + 1).split('-');
  return Buffer.from(`Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n`);
}

/** Stores objects as a publisher does. */
export async function putFrameworkObjects(
  client: S3Client,
  bucket: string,
  objects: readonly FrameworkObject[],
): Promise<void> {
  await mapConcurrently(objects, 32, async ({ key, hash }) => {
    const bytes = frameworkBytes(key);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    await client.send(
      new PutObjectCommand({
        Bucket: bucket,
        Key: key,
        Body: bytes,
        ...(hash === 'checksum'
          ? { ChecksumAlgorithm: 'SHA256' as const }
          : { ChecksumAlgorithm: 'CRC32' as const }),
        ...(hash === 'metadata' ? { Metadata: { 'checksum-sha256': sha256 } } : {}),
      }),
    );
  });
}

function* rareKeys(): Generator<string> {
  for (const directory of [...openEnded, ...elsewhere])
    yield `whl/${directory}/torch-1.13.0-cp310-cp310-linux_x86_64.whl`;
  for (const project of [...pureProjects, ...otherProjects]) {
    for (const version of ['1.0.0', '3.4.2']) {
      yield `whl/${project}-${version}-py3-none-any.whl`;
      yield `whl/${project}-${version}-py3-none-any.whl.metadata`;
      yield `whl/nightly/${project}-${version}-py3-none-any.whl`;
    }
    yield `whl/test/cu126/${project}-2.0-py3-none-any.whl`;
  }
  yield 'whl/networkx-3.3-py3-none-any.whl';
  yield 'whl/nightly/cu126/torch-not.a.version-cp312-cp312-linux_x86_64.whl';
  yield 'whl/cu118/README.txt';
  for (const prefix of ['whl/test/variant', 'whl/variant', 'whl/preview/forge']) {
    yield `${prefix}/torch-2.9.0-cp312-cp312-manylinux_2_28_x86_64.whl`;
    yield `${prefix}/cu126/torchforge-0.1.0-py3-none-any.whl`;
  }
  yield 'libtorch/libtorch-notes.zip';
  yield 'libtorch/cu118/other-1.0.zip';
}

function* buildKeys(): Generator<string> {
  for (let minor = 0; ; minor += 1) {
    for (const python of pythons) {
      for (const accelerator of accelerators) {
        for (const [index, project] of builtProjects.entries()) {
          const platform = platforms[(minor + index) % platforms.length];
          const local = accelerator === 'xpu' ? '' : `+${accelerator}`;
          const name = `${project}-2.${minor}.0${local}-${python}-${python}-${platform}.whl`;
          const prefix = minor % 5 === 4 ? 'whl/test' : 'whl';
          yield `${prefix}/${accelerator}/${name}`;
          if (index % 2 === 0) yield `${prefix}/${accelerator}/${name}.metadata`;
        }
      }
    }
  }
}

function* nightlyKeys(): Generator<string> {
  for (let day = 0; ; day += 1) {
    const date = new Date(Date.UTC(2025, 0, 1 + day)).toISOString().slice(0, 10).replaceAll('-', '');
    for (const accelerator of ['cpu', 'cu126', 'rocm6.2']) {
      for (const project of ['torch', 'torchvision']) {
        yield `whl/nightly/${accelerator}/${project}-2.9.0.dev${date}+${accelerator}-cp312-cp312-linux_x86_64.whl`;
      }
    }
  }
}

function* libraryKeys(): Generator<string> {
  for (let minor = 0; ; minor += 1) {
    for (const accelerator of ['cpu', 'cu118', 'rocm6.2']) {
      yield `libtorch/${accelerator}/libtorch-shared-with-deps-2.${minor}.0+${accelerator}.zip`;
      yield `libtorch/nightly/${accelerator}/libtorch-static-without-deps-2.${minor}.0.dev20250101+${accelerator}.zip`;
    }
  }
}
