import { joinKey, type PageFormat, type PrefixConfiguration } from './configuration.ts';
import { pageContentTypes } from './page-bytes.ts';

/** How a page is stored. */
export interface PageObject {
  readonly key: string;
  readonly format: PageFormat;
  readonly contentType: string;
  readonly gzip: boolean;
}

/** The objects of the page in a directory: the root page of that directory, or the page of a project that has its own. */
export function pageObjects(
  configuration: Pick<PrefixConfiguration, 'kind' | 'layout' | 'formats' | 'gzip'>,
  directory: string,
): readonly PageObject[] {
  const { kind, layout, gzip } = configuration;
  const formats: readonly PageFormat[] = kind === 'listing' ? ['html'] : configuration.formats;
  const objects: PageObject[] = [];
  if (layout !== 'slash-keys' || kind === 'listing') {
    for (const format of formats) {
      objects.push({
        key: joinKey(directory, `index.${format}`),
        format,
        contentType: pageContentTypes[format],
        gzip: false,
      });
    }
  }
  // No store has an object with the name "/".
  if (layout !== 'index-files' && kind === 'packages' && directory !== '') {
    const format = formats.includes('json') ? 'json' : 'html';
    objects.push({ key: `${directory}/`, format, contentType: pageContentTypes[format], gzip });
  }
  return objects;
}
