import mime from 'mime';

/** The content type that a name's extension stands for. Texts are UTF-8. */
export function contentTypeOf(key: string): string {
  // With a slash in front: a name without a dot is no extension.
  const type = mime.getType(`/${key}`) ?? 'application/octet-stream';
  return type.startsWith('text/') ? `${type}; charset=utf-8` : type;
}
