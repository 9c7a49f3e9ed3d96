import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse, postprocess, preprocess } from 'micromark';

const root = resolve(import.meta.dirname, '../../..');

/** The documents for users and contributors, whose examples have to work. */
const documentPatterns = ['*.md', 'docs/**/*.md', 'actions/*/README.md', 'packages/*/README.md'];

/** A block of code in a document. */
export interface DocumentBlock {
  /** The document and the section, as `README.md#try-it`; of the second block in a section, `README.md#try-it:2`. */
  readonly name: string;
  /** The path of the document in the repository. */
  readonly path: string;
  /** The line where the block begins. */
  readonly line: number;
  /** The language of the fence, or nothing. */
  readonly language: string;
  readonly text: string;
}

/** The documents below the root of a repository. */
export function documentPaths(rootDirectory: string = root): readonly string[] {
  return documentPatterns.flatMap((pattern) => globSync(pattern, { cwd: rootDirectory }).sort());
}

/** Every block of every document of this repository. */
export function documentBlocks(): readonly DocumentBlock[] {
  return documentPaths().flatMap((path) => blocksOf(path, readFileSync(join(root, path), 'utf8')));
}

/** The block of this name: the very text that users copy. Throws if it does not exist. */
export function documentBlock(name: string): DocumentBlock {
  const [path = ''] = name.split('#');
  const blocks = blocksOf(path, readFileSync(join(root, path), 'utf8'));
  const block = blocks.find((candidate) => candidate.name === name);
  if (block === undefined) {
    const names = blocks.map((known) => known.name).join(', ');
    throw new Error(`block ${name} does not exist; ${path} has ${names || 'no blocks'}`);
  }
  return block;
}

/** The blocks of one document, as CommonMark reads it; an indented block counts as one without a language. */
export function blocksOf(path: string, markdown: string): readonly DocumentBlock[] {
  const events = postprocess(
    parse()
      .document()
      .write(preprocess()(markdown, 'utf8', true)),
  );
  const blocks: DocumentBlock[] = [];
  const counts = new Map<string, number>();
  let section = '';
  let language = '';
  let text: string[] | undefined;
  for (const [kind, token, context] of events) {
    const written = (): string => context.sliceSerialize(token);
    if (kind === 'enter') {
      if (token.type === 'atxHeadingText' || token.type === 'setextHeadingText') section = slugOf(written());
      if (token.type === 'codeFenced' || token.type === 'codeIndented') {
        language = '';
        text = [];
      }
      if (token.type === 'codeFencedFenceInfo') language = written();
      if (token.type === 'codeFlowValue') text?.push(written());
      if (token.type === 'lineEnding') text?.push('\n');
    } else if (text !== undefined && (token.type === 'codeFenced' || token.type === 'codeIndented')) {
      const place = `${path}#${section}`;
      const count = (counts.get(place) ?? 0) + 1;
      counts.set(place, count);
      blocks.push({
        name: count === 1 ? place : `${place}:${count}`,
        path,
        line: token.start.line,
        language,
        text: text.join('').replace(/^\n/, ''),
      });
      text = undefined;
    }
  }
  return blocks;
}

/** The anchor of a heading. */
function slugOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(/\s/g, '-');
}
