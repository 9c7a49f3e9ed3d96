import { printable } from '@slipway/core';
import { Parser } from 'htmlparser2';
import type { PageValues } from './page-values.ts';
import { isProjectName, normalizeProjectName } from './project-name.ts';
import {
  type PageLimits,
  type ReadFile,
  type ReadProjectPage,
  type ReadRootPage,
  UnreadablePage,
} from './read-page.ts';

const maxDepth = 1_000;
const maxAttributes = 100;
const maxAnchorCharacters = 4_096;
/** Of one link; more than there are hash functions. */
const maxHashes = 16;

/** An `<a>` that leads somewhere. An attribute without a value (`data-yanked`) has `undefined`. */
interface Anchor {
  readonly attributes: ReadonlyMap<string, string | undefined>;
  readonly href: string;
  text: string;
}

interface HtmlPage {
  readonly metas: ReadonlyMap<string, string>;
  readonly base: string | undefined;
  readonly anchors: readonly Anchor[];
}

/** Throws `UnreadablePage`. */
export function parseProjectHtml(text: string, values: PageValues, limits: PageLimits): ReadProjectPage {
  const { metas, base, anchors } = parseHtml(text, limits);
  const apiVersion = values.apiVersion(metas.get('pypi:repository-version'));
  const status = values.status(metas.get('pypi:project-status'), metas.get('pypi:project-status-reason'));
  const baseUrl = base === undefined ? undefined : values.link(base);
  const files = anchors.map((anchor) => fileOf(anchor, baseUrl, values)).filter((file) => file !== undefined);
  return { apiVersion, ...(status === undefined ? {} : { status }), files };
}

/** Throws `UnreadablePage`. */
export function parseRootHtml(text: string, values: PageValues, limits: PageLimits): ReadRootPage {
  const { metas, base, anchors } = parseHtml(text, limits);
  const apiVersion = values.apiVersion(metas.get('pypi:repository-version'));
  const baseUrl = base === undefined ? undefined : values.link(base);
  const projects: string[] = [];
  for (const { href, text: anchorText } of anchors) {
    const name = anchorText.trim();
    if (!isProjectName(name)) {
      values.report('page-link', `the text "${printable(name, 100)}" of a link is not the name of a project`);
      continue;
    }
    projects.push(name);
    const segments = values.link(href, baseUrl)?.pathname.split('/');
    if (
      segments !== undefined &&
      !(segments.at(-1) === '' && segments.at(-2) === normalizeProjectName(name))
    ) {
      values.report(
        'page-name',
        'its link does not end in the normalised name and a slash, where clients look',
        name,
      );
    }
  }
  return { apiVersion, projects };
}

function fileOf(
  { attributes, href, text }: Anchor,
  base: URL | undefined,
  values: PageValues,
): ReadFile | undefined {
  const url = values.link(href, base);
  const fileName = url && values.lastSegment(url);
  if (url === undefined || fileName === undefined) return undefined;
  if (text.trim() !== fileName) {
    values.report(
      'page-name',
      `its link has the text "${printable(text.trim(), 100)}", which is not its name`,
      fileName,
    );
  }
  const hashes = values.hashes(hashPairs(url.hash.slice(1)), fileName);
  url.hash = '';
  const requiresPython = attributes.get('data-requires-python');
  const metadataHashes = metadataOf(attributes, fileName, values);
  if (attributes.has('data-yanked') && attributes.get('data-yanked') === undefined) {
    values.report(
      'page-yanked',
      'its data-yanked has no value: pip does not take it for yanked, uv does',
      fileName,
    );
  }
  const sizeBytes = sizeOf(attributes.get('data-size'), fileName, values);
  const time = attributes.get('data-upload-time');
  const uploadedAtMs = time === undefined ? undefined : values.uploadedAtMs(time, fileName);
  values.fileSeen(fileName);
  return {
    fileName,
    url: url.href,
    hashes,
    ...(requiresPython ? { requiresPython } : {}),
    ...(metadataHashes === undefined ? {} : { metadataHashes }),
    ...(attributes.has('data-yanked') ? { yanked: attributes.get('data-yanked') ?? '' } : {}),
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
    ...(uploadedAtMs === undefined ? {} : { uploadedAtMs }),
  };
}

/** The sums in a fragment: `sha256=…`. Others, such as `egg=` and `subdirectory=`, are for other purposes. */
function hashPairs(fragment: string): readonly (readonly [string, string])[] {
  return fragment
    .split('&', maxHashes)
    .map((pair) => /^(md5|sha\d{1,3}|blake\w{1,20})=(.*)$/.exec(pair))
    .filter((match) => match !== null)
    .map(([, name = '', value = '']) => [name, value]);
}

/** PEP 714: the older name counts only where the newer one is missing. */
function metadataOf(
  attributes: Anchor['attributes'],
  fileName: string,
  values: PageValues,
): ReadonlyMap<string, string> | undefined {
  const value = attributes.get('data-core-metadata') ?? attributes.get('data-dist-info-metadata');
  if (value === undefined || value === 'false') return undefined;
  if (value === 'true') return new Map();
  const equals = value.indexOf('=');
  if (equals > 0)
    return values.hashes([[value.slice(0, equals), value.slice(equals + 1)]], `${fileName}.metadata`);
  values.report('page-value', 'its data-core-metadata is neither "true" nor a hash', fileName);
  return undefined;
}

function sizeOf(text: string | undefined, fileName: string, values: PageValues): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  values.report('page-value', 'its data-size is not a count of bytes', fileName);
  return undefined;
}

/** The first `<base>`, the `<meta>`s and the `<a>`s, wherever they are. */
function parseHtml(html: string, { maxEntries }: PageLimits): HtmlPage {
  const metas = new Map<string, string>();
  const anchors: Anchor[] = [];
  let base: string | undefined;
  let depth = 0;
  let open: Anchor | undefined;
  let attributes = new Map<string, string | undefined>();
  const parser = new Parser({
    onopentagname() {
      attributes = new Map();
    },
    onattribute(name, value, quote) {
      // As in HTML, the first of two counts.
      if (attributes.size >= maxAttributes || attributes.has(name)) return;
      attributes.set(name, quote === undefined ? undefined : value);
    },
    onopentag(name) {
      depth += 1;
      if (depth > maxDepth) throw new UnreadablePage(`its elements are nested deeper than ${maxDepth}`);
      const content = attributes.get('content');
      const metaName = attributes.get('name');
      if (name === 'meta' && metaName?.startsWith('pypi:') && !metas.has(metaName))
        metas.set(metaName, content ?? '');
      if (name === 'base') base ??= attributes.get('href');
      if (name !== 'a') return;
      open = undefined;
      const href = attributes.get('href');
      if (!href) return;
      if (anchors.length >= maxEntries) throw new UnreadablePage(`it has more than ${maxEntries} links`);
      open = { attributes, href, text: '' };
      anchors.push(open);
    },
    ontext(text) {
      if (open !== undefined && open.text.length < maxAnchorCharacters)
        open.text += text.slice(0, maxAnchorCharacters);
    },
    onclosetag(name) {
      depth -= 1;
      if (name === 'a') open = undefined;
    },
  });
  parser.end(html);
  return { metas, base, anchors };
}
