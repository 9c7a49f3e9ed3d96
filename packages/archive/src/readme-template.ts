const fieldPattern = /\{\{([^{}]*)\}\}/g;

/**
 * A template with its `{{name}}` replaced by the fields; fields are not expanded again. Throws an `Error` that names every unknown
 * field.
 */
export function fillTemplate(template: string, fields: ReadonlyMap<string, string>): string {
  const unknown = new Set<string>();
  const text = template.replaceAll(fieldPattern, (_, inner: string) => {
    const name = inner.trim();
    const value = fields.get(name);
    if (value === undefined) unknown.add(name);
    return value ?? '';
  });
  if (unknown.size > 0) {
    const names = [...unknown].map((name) => `{{${name}}}`).join(', ');
    throw new Error(
      `it has ${names}, and there ${unknown.size === 1 ? 'is no such field' : 'are no such fields'}`,
    );
  }
  return text;
}
