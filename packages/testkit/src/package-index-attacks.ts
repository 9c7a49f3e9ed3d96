import { createHash } from 'node:crypto';
import { makeWheel } from './wheels.ts';

/** A file of an index: what it is, and what its pages say. */
export interface IndexedWheel {
  fileName: string;
  bytes: Uint8Array;
  /** Beside the file; undefined if there is none. */
  metadata: string | undefined;
  /** From a page in `whl/PROJECT/` or, one step deeper, with `../` in front. */
  href: string;
  sha256: string | undefined;
  sizeBytes: number;
  requiresPython: string | undefined;
  /** `true`: the pages say that it is there, without its hash. */
  metadataSha256: string | true | undefined;
}

/** An index with two directories, `whl` and `whl/cu118`, before it is written. */
export interface IndexModel {
  /** By the directory of the page: `whl/torch`. */
  readonly pages: Map<string, IndexedWheel[]>;
  /** Changes what is stored, after the pages are made. */
  change: (stored: Map<string, Uint8Array>) => void;
}

export interface PackageIndexAttack {
  readonly name: string;
  /** The finding that a check makes of it. */
  readonly code: string;
  apply(model: IndexModel): void | Promise<void>;
}

const sha256Of = (content: Uint8Array | string): string => createHash('sha256').update(content).digest('hex');

/** A wheel with pages that tell the truth. */
export async function indexedWheel(options: Parameters<typeof makeWheel>[0]): Promise<IndexedWheel> {
  const { fileName, bytes, metadata, sha256 } = await makeWheel(options);
  return {
    fileName,
    bytes,
    metadata,
    href: `../../files/${fileName.replaceAll('+', '%2B')}`,
    sha256,
    sizeBytes: bytes.length,
    requiresPython: options.requiresPython,
    metadataSha256: sha256Of(metadata),
  };
}

/** An index that has nothing wrong. */
export async function honestPackageIndex(): Promise<IndexModel> {
  const requires = ['filelock'];
  const torch = (tag: string, version = '2.9.0') =>
    indexedWheel({ name: 'torch', version, tag, requires, requiresPython: '>=3.10' });
  return {
    pages: new Map([
      ['whl/torch', [await torch('cp312-none-any'), await torch('cp313-none-any')]],
      ['whl/zope-interface', [await indexedWheel({ name: 'zope.interface', version: '8.0' })]],
      ['whl/cu118/torch', [await torch('cp313-none-any', '2.9.0+cu118')]],
    ]),
    change: () => {},
  };
}

/** The objects of an index, by key. */
export function storedIndex({ pages, change }: IndexModel): ReadonlyMap<string, Uint8Array> {
  const stored = new Map<string, Uint8Array>();
  const put = (key: string, text: string | Uint8Array): void => void stored.set(key, Buffer.from(text));
  const roots = new Map<string, string[]>();
  for (const [page, wheels] of pages) {
    const slash = page.lastIndexOf('/');
    const directory = page.slice(0, slash);
    roots.set(directory, [...(roots.get(directory) ?? []), page.slice(slash + 1)]);
    for (const { fileName, bytes, metadata } of wheels) {
      put(`files/${fileName}`, bytes);
      if (metadata !== undefined) put(`files/${fileName}.metadata`, metadata);
    }
    const climb = page.split('/').length > 2 ? '../' : '';
    const links = wheels.map((wheel) => ({
      ...wheel,
      href: wheel.href.startsWith('.') ? climb + wheel.href : wheel.href,
    }));
    put(`${page}/index.html`, htmlOf(links.map(anchorOf)));
    put(`${page}/index.json`, projectJson(page.slice(slash + 1), links));
  }
  for (const [directory, projects] of roots) {
    put(`${directory}/index.html`, htmlOf(projects.map((name) => `<a href="${name}/">${name}</a>`)));
    put(`${directory}/index.json`, JSON.stringify({ meta, projects: projects.map((name) => ({ name })) }));
  }
  change(stored);
  return stored;
}

const meta = { 'api-version': '1.4' };

function htmlOf(anchors: readonly string[]): string {
  return `<!DOCTYPE html><html><head><meta name="pypi:repository-version" content="1.4"></head><body>${anchors.join('<br>\n')}</body></html>`;
}

function anchorOf({
  fileName,
  href,
  sha256,
  sizeBytes,
  requiresPython,
  metadataSha256,
}: IndexedWheel): string {
  const attributes = [
    `href="${href}${sha256 === undefined ? '' : `#sha256=${sha256}`}"`,
    `data-size="${sizeBytes}"`,
    ...(requiresPython === undefined
      ? []
      : [`data-requires-python="${requiresPython.replace('>', '&gt;')}"`]),
    ...(metadataSha256 === undefined
      ? []
      : [`data-core-metadata="${metadataSha256 === true ? 'true' : `sha256=${metadataSha256}`}"`]),
  ];
  return `<a ${attributes.join(' ')}>${fileName}</a>`;
}

function projectJson(name: string, wheels: readonly IndexedWheel[]): string {
  const files = wheels.map((wheel) => ({
    filename: wheel.fileName,
    url: wheel.href,
    hashes: wheel.sha256 === undefined ? {} : { sha256: wheel.sha256 },
    size: wheel.sizeBytes,
    'upload-time': '2026-01-01T00:00:00Z',
    ...(wheel.requiresPython === undefined ? {} : { 'requires-python': wheel.requiresPython }),
    ...(wheel.metadataSha256 === undefined
      ? {}
      : { 'core-metadata': wheel.metadataSha256 === true ? true : { sha256: wheel.metadataSha256 } }),
  }));
  const versions = [...new Set(wheels.map(({ fileName }) => fileName.split('-')[1] ?? ''))];
  return JSON.stringify({ meta, name, versions, files });
}

/** The first wheel of a page. */
function wheelOf({ pages }: IndexModel, page = 'whl/torch'): IndexedWheel {
  const [wheel] = pages.get(page) ?? [];
  if (wheel === undefined) throw new Error(`no wheel on ${page}`);
  return wheel;
}

function setMetadata(wheel: IndexedWheel, metadata: string): void {
  wheel.metadata = metadata;
  wheel.metadataSha256 = sha256Of(metadata);
}

const textOf = (stored: Map<string, Uint8Array>, key: string): string =>
  Buffer.from(stored.get(key) ?? '').toString();
const wrongSum = 'b'.repeat(64);

/** Every way in which an index can be wrong that a check finds by following its pages. */
export const packageIndexAttacks: readonly PackageIndexAttack[] = [
  {
    name: 'a file that pages link to is gone',
    code: 'page-link-dead',
    apply: (model) => {
      const { fileName } = wheelOf(model);
      model.change = (stored) => void stored.delete(`files/${fileName}`);
    },
  },
  {
    name: 'the page of a project is gone',
    code: 'page-missing',
    apply: (model) => {
      model.change = (stored) => {
        for (const name of ['html', 'json']) stored.delete(`whl/torch/index.${name}`);
      };
    },
  },
  {
    name: 'the page of a project is gone in one format',
    code: 'page-missing',
    apply: (model) => {
      model.change = (stored) => void stored.delete('whl/torch/index.json');
    },
  },
  {
    name: 'the page that lists projects is gone',
    code: 'page-missing',
    apply: (model) => {
      model.change = (stored) => {
        for (const name of ['html', 'json']) stored.delete(`whl/cu118/index.${name}`);
      };
    },
  },
  {
    name: 'a page cannot be read',
    code: 'page-unreadable',
    apply: (model) => {
      model.change = (stored) => void stored.set('whl/torch/index.json', Buffer.from('{'));
    },
  },
  {
    name: 'HTML has another hash than JSON',
    code: 'page-formats-differ',
    apply: (model) => {
      const { sha256 = '' } = wheelOf(model);
      model.change = (stored) =>
        void stored.set(
          'whl/torch/index.html',
          Buffer.from(textOf(stored, 'whl/torch/index.html').replace(sha256, wrongSum)),
        );
    },
  },
  {
    name: 'a root page in JSON lacks a project',
    code: 'page-formats-differ',
    apply: (model) => {
      model.change = (stored) =>
        void stored.set(
          'whl/index.json',
          Buffer.from(JSON.stringify({ meta, projects: [{ name: 'torch' }] })),
        );
    },
  },
  {
    name: 'a page lists a file of another project',
    code: 'page-project-other',
    apply: async ({ pages }) => {
      pages.get('whl/torch')?.push(await indexedWheel({ name: 'torchvision', version: '1.0' }));
    },
  },
  {
    name: 'a page says that it is of another project',
    code: 'page-project-other',
    apply: (model) => {
      model.change = (stored) => {
        const text = textOf(stored, 'whl/torch/index.json').replace('"name":"torch"', '"name":"torchx"');
        stored.set('whl/torch/index.json', Buffer.from(text));
      };
    },
  },
  {
    name: 'a relative link climbs above the root',
    code: 'page-link-climbs',
    apply: (model) => {
      const wheel = wheelOf(model);
      wheel.href = `../${wheel.href}`;
    },
  },
  {
    name: 'a link begins with a slash',
    code: 'page-link-rooted',
    apply: (model) => {
      const wheel = wheelOf(model);
      wheel.href = `/files/${wheel.fileName}`;
    },
  },
  {
    name: 'a file has other bytes of the same length',
    code: 'page-hash-wrong',
    apply: (model) => {
      const { fileName, bytes } = wheelOf(model);
      model.change = (stored) => void stored.set(`files/${fileName}`, bytes.with(40, (bytes[40] ?? 0) ^ 1));
    },
  },
  {
    name: 'a file has another size',
    code: 'page-size-wrong',
    apply: (model) => {
      wheelOf(model).sizeBytes += 1;
    },
  },
  {
    name: 'one of two wheels of a version has no hash',
    code: 'page-hashes-mixed',
    apply: (model) => {
      wheelOf(model).sha256 = undefined;
    },
  },
  {
    name: 'a file was replaced under its name',
    code: 'page-file-overwritten',
    apply: ({ pages }) => {
      const [wheel] = pages.get('whl/torch') ?? [];
      if (wheel !== undefined) pages.get('whl/cu118/torch')?.push({ ...wheel, sha256: wrongSum });
    },
  },
  {
    name: 'METADATA that a page names is gone',
    code: 'page-metadata-missing',
    apply: (model) => {
      wheelOf(model).metadata = undefined;
    },
  },
  {
    name: 'METADATA has another hash',
    code: 'page-metadata-hash',
    apply: (model) => {
      wheelOf(model).metadataSha256 = wrongSum;
    },
  },
  {
    name: 'METADATA cannot be read',
    code: 'page-metadata-unreadable',
    apply: (model) => setMetadata(wheelOf(model), 'Name: torch\n'),
  },
  {
    name: 'a wheel is not a zip',
    code: 'page-metadata-unreadable',
    apply: (model) => {
      const wheel = wheelOf(model);
      wheel.bytes = Buffer.from('no zip');
      wheel.sizeBytes = wheel.bytes.length;
      wheel.sha256 = sha256Of(wheel.bytes);
    },
  },
  {
    name: 'METADATA is of another version',
    code: 'page-metadata-other',
    apply: (model) => {
      const wheel = wheelOf(model);
      setMetadata(wheel, (wheel.metadata ?? '').replace('2.9.0', '2.9.1'));
    },
  },
  {
    name: 'METADATA is of another project',
    code: 'page-metadata-other',
    apply: (model) => {
      const wheel = wheelOf(model);
      setMetadata(wheel, (wheel.metadata ?? '').replace('Name: torch', 'Name: torchx'));
    },
  },
  {
    name: 'METADATA in a wheel is of another version, and none is beside it',
    code: 'page-metadata-other',
    apply: async (model) => {
      const wheel = wheelOf(model);
      const { bytes, sha256 } = await makeWheel({ name: 'torch', version: '3.0', requiresPython: '>=3.10' });
      Object.assign(wheel, {
        bytes,
        sha256,
        sizeBytes: bytes.length,
        metadata: undefined,
        metadataSha256: undefined,
      });
    },
  },
  {
    name: 'METADATA beside a wheel is not that in it',
    code: 'page-metadata-differs',
    apply: (model) => {
      const wheel = wheelOf(model, 'whl/zope-interface');
      setMetadata(wheel, `${wheel.metadata}\nAnother description`);
    },
  },
  {
    name: 'a page says another Requires-Python than METADATA',
    code: 'page-requires-python',
    apply: (model) => {
      wheelOf(model).requiresPython = '>=3.9';
    },
  },
  {
    name: 'two wheels of one version require different things',
    code: 'page-requirements-differ',
    apply: async ({ pages }) => {
      const options = { name: 'torch', version: '2.9.0', requiresPython: '>=3.10' };
      pages
        .get('whl/torch')
        ?.push(await indexedWheel({ ...options, tag: 'cp314-none-any', requires: ['filelock', 'triton'] }));
    },
  },
  {
    name: 'a project is called like a directory that is checked',
    code: 'project-collision',
    apply: (model) => {
      model.change = (stored) => addProject(stored, 'cu118');
    },
  },
  {
    name: 'a project is called like a directory that nobody named',
    code: 'project-collision',
    apply: (model) => {
      model.change = (stored) => {
        addProject(stored, 'cpu');
        for (const name of ['html', 'json'])
          stored.set(`whl/cpu/index.${name}`, stored.get(`whl/cu118/index.${name}`) ?? Buffer.from(''));
      };
    },
  },
  {
    name: 'a page leads to the machine itself',
    code: 'page-link-internal',
    apply: (model) => {
      const wheel = wheelOf(model);
      wheel.href = `http://127.0.0.1:1/${wheel.fileName}`;
    },
  },
  {
    name: 'a page leads to the credentials of a cloud',
    code: 'page-link-internal',
    apply: (model) => {
      const wheel = wheelOf(model);
      wheel.href = `http://169.254.169.254/latest/${wheel.fileName}`;
    },
  },
  {
    name: 'a page leads to a file of the machine',
    code: 'page-link-internal',
    apply: (model) => {
      const wheel = wheelOf(model);
      wheel.href = `file:///etc/${wheel.fileName}`;
    },
  },
  {
    name: 'a page lists what no client takes',
    code: 'name-refused',
    apply: ({ pages }) => {
      const [wheel] = pages.get('whl/torch') ?? [];
      if (wheel !== undefined)
        pages.get('whl/torch')?.push({ ...wheel, fileName: 'torch.exe', href: '../../files/torch.exe' });
    },
  },
];

function addProject(stored: Map<string, Uint8Array>, name: string): void {
  const html = textOf(stored, 'whl/index.html').replace('<body>', `<body><a href="${name}/">${name}</a>`);
  const json = textOf(stored, 'whl/index.json').replace('[', `[{"name":"${name}"},`);
  stored.set('whl/index.html', Buffer.from(html)).set('whl/index.json', Buffer.from(json));
}
