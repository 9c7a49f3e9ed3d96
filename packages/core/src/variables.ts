import { UserError } from './errors.ts';
import type { Environment } from './ports.ts';
import { formFault, type TextForm } from './text-forms.ts';

const proxyNames = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy'];

/** The value of a variable without surrounding white space, which pasted secrets often have; undefined if nothing is left. */
export function variableOf(environment: Environment, name: string): string | undefined {
  return environment[name]?.trim() || undefined;
}

/** Says why the form of a variable's value is wrong, without quoting the value. */
export function variableProblem(environment: Environment, name: string, form: TextForm): string | undefined {
  const fault = formFault(variableOf(environment, name) ?? '', form);
  return fault === undefined ? undefined : `the variable ${name} cannot be used: ${fault}`;
}

/**
 * The proxy variables, as Node's agents read them. Throws `UserError` `input-invalid` for a value with a line break:
 * Node's own error would print the whole value, password included.
 */
export function proxyVariables(environment: Environment): Readonly<Record<string, string>> {
  const problems = proxyNames.flatMap((name) => variableProblem(environment, name, 'line') ?? []);
  if (problems.length > 0) throw new UserError('input-invalid', problems.join('; '));
  return Object.fromEntries(
    proxyNames.flatMap((name) => {
      const value = variableOf(environment, name);
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
