import { printable, type Redactor, type Severity } from '@slipway/core';
import { secretForms } from './secret-forms.ts';

const maxLineCharacters = 4000;

/**
 * Writes to the log of a step. All text is redacted and made printable line by line, so that it cannot become a workflow
 * command. Follows GitHub's page "Workflow commands": data escapes `%`, CR and LF; properties also `:` and `,`.
 */
export interface WorkflowLog {
  line(text: string): void;
  /** Shown only in a debug run. */
  debug(text: string): void;
  annotate(severity: Severity, title: string, message: string): void;
  group(title: string): void;
  endGroup(): void;
  /** Remembers a secret, tells the runner to mask it, and redacts it from everything printed from now on. */
  mask(secret: string): void;
}

/** A log that writes its lines with `write`. */
export function workflowLog(write: (text: string) => void, redactor: Redactor): WorkflowLog {
  const safe = (text: string): string =>
    redactor
      .redact(text)
      .split(/\r?\n/)
      .map((line) => printable(line, maxLineCharacters))
      .join('\n');
  const command = (name: string, properties: string, data: string): void => {
    write(`::${name}${properties}::${escapeData(data)}\n`);
  };
  return {
    line: (text) => write(`${safe(text)}\n`),
    debug: (text) => command('debug', '', safe(text)),
    annotate: (severity, title, message) =>
      command(severity, ` title=${escapeProperty(safe(title))}`, safe(message)),
    group: (title) => command('group', '', safe(title)),
    endGroup: () => command('endgroup', '', ''),
    mask: (secret) => {
      const pieces = new Set(secretForms(secret).flatMap((form) => redactor.add(form)));
      for (const piece of pieces) command('add-mask', '', piece);
    },
  };
}

function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
