import { SaxesParser } from 'saxes';

/** S3 nests its documents five deep, and lists at most a thousand things of some ten elements each. */
const maxDepth = 16;
const maxElements = 100_000;

/** An element, without its attributes. */
export interface XmlElement {
  readonly name: string;
  readonly text: string;
  readonly children: readonly XmlElement[];
}

interface OpenElement {
  readonly name: string;
  text: string;
  readonly children: OpenElement[];
}

/** The root element of an S3 document; undefined if the text is not one. Refuses declarations of types and entities. */
export function parseXml(xml: string): XmlElement | undefined {
  const parser = new SaxesParser({ position: false });
  const open: OpenElement[] = [];
  let root: OpenElement | undefined;
  let count = 0;
  parser.on('doctype', refuse);
  parser.on('opentag', ({ name }) => {
    count += 1;
    if (count > maxElements || open.length === maxDepth) refuse();
    const element: OpenElement = { name, text: '', children: [] };
    const parent = open.at(-1);
    if (parent === undefined) root = element;
    else parent.children.push(element);
    open.push(element);
  });
  parser.on('closetag', () => void open.pop());
  const addText = (text: string): void => {
    const element = open.at(-1);
    if (element !== undefined) element.text += text;
  };
  parser.on('text', addText);
  parser.on('cdata', addText);
  try {
    parser.write(xml).close();
  } catch (error) {
    // The errors of the parser, and the refusals above, only say that the text is not such a document.
    if (error instanceof Error) return undefined;
    throw error;
  }
  return root;
}

/** The text of the first child element with this name; undefined if there is none. */
export function textOf(element: XmlElement | undefined, name: string): string | undefined {
  for (const child of element?.children ?? []) {
    const found = child.name === name ? child.text : textOf(child, name);
    if (found !== undefined) return found;
  }
  return undefined;
}

function refuse(): never {
  throw new Error('it is not a document of S3');
}
