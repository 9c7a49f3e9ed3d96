import { UserError } from './errors.ts';
import type { Environment } from './ports.ts';
import { formFault, type TextForm } from './text-forms.ts';

const proxyNames = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy'];

/**
 * The value of a variable without the blanks and line ends around it, which secrets have that were pasted or read from a file;
 * undefined when nothing else is in it.
 */
export function variableOf(environment: Environment, name: string): string | undefined {
  return environment[name]?.trim() || undefined;
}

/** The sentence for a variable whose value has not the form that it must have; it repeats nothing of the value. */
export function variableProblem(environment: Environment, name: string, form: TextForm): string | undefined {
  const fault = formFault(variableOf(environment, name) ?? '', form);
  return fault === undefined ? undefined : `the variable ${name} cannot be used: ${fault}`;
}

/**
 * The variables that name proxies, as Node's agents take them. Throws `UserError` `input-invalid` for one with a line end
 * inside, which Node refuses with the whole value, and so with its password.
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
