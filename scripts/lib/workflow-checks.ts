import { isEmpty, isOneOf, needsScript, needsText, needsVariables, oneOf, type Part } from './needs.ts';
import { markdownTable } from './readme.ts';

/** What a reusable workflow checks first. */
export interface WorkflowCheck {
  readonly parts: readonly Part[];
  readonly operations?: readonly string[];
}

const makesFiles = [isOneOf('operation', 'release', 'upload', 'force'), isEmpty('from-run')];
const checksKeys = [isOneOf('operation', 'release', 'force'), isEmpty('from-run')];
const publishes = isOneOf('operation', 'release', 'upload', 'force', 'announce', 'renew');
const takesAssets = [isOneOf('operation', 'verify', 'announce', 'renew'), isEmpty('from-run')];
const looksAtFiles = isOneOf('operation', 'release', 'upload', 'force', 'announce', 'renew', 'verify');

/** By the name of the workflow's file. */
export const workflowChecks: Readonly<Record<string, WorkflowCheck>> = {
  'download-release': {
    operations: ['release', 'upload', 'force', 'announce', 'renew', 'verify', 'cleanup'],
    parts: [
      { name: 'pack', maySkip: false, when: makesFiles, needs: ['archives'] },
      { name: 'check-keys', maySkip: true, when: checksKeys, needs: ['key-generator', 'key-validator'] },
      {
        // Two programs that both use an empty secret would agree.
        name: 'license-secret',
        maySkip: true,
        when: [{ kind: 'runs', part: 'check-keys' }],
        needs: ['LICENSE_SECRET'],
      },
      { name: 'sign', maySkip: true, when: makesFiles, needs: ['SIGNING_KEY'] },
      { name: 'take-assets', maySkip: false, when: takesAssets, needs: [] },
      { name: 'publish', maySkip: false, when: [looksAtFiles], needs: ['DOWNLOAD_SECRET', 'destination'] },
      {
        name: 'invalidate',
        maySkip: true,
        when: [publishes],
        needs: ['distribution-id', 'base-url'],
      },
      { name: 'verify', maySkip: true, when: [looksAtFiles], needs: ['base-url'] },
      {
        name: 'dispatch',
        maySkip: true,
        when: [isOneOf('operation', 'release', 'force', 'announce')],
        needs: [
          'targets',
          'version',
          'DISPATCH_SECRET',
          oneOf(['DISPATCH_TOKEN', isEmpty('app-id')], ['app-id', 'APP_PRIVATE_KEY']),
        ],
      },
      { name: 'cleanup', maySkip: false, when: [isOneOf('operation', 'cleanup')], needs: ['destination'] },
    ],
  },
  'download-receive': {
    parts: [
      {
        name: 'receive',
        maySkip: false,
        needs: ['sources', 'artifact-hosts', oneOf(['DISPATCH_SECRET'], ['trusted-keys'])],
      },
      { name: 'remember', maySkip: true, needs: ['seen'] },
    ],
  },
};

const begin = '      # begin check, written by scripts/docs from scripts/lib/workflow-checks.ts\n';
const end = '      # end check\n';

/** A reusable workflow with the step that checks whether anything is missing. */
export function checkedWorkflow(workflow: string, check: WorkflowCheck): string {
  const pattern = new RegExp(`${begin}[^]*?${end}`);
  if (!pattern.test(workflow))
    throw new Error(`a workflow has no place for its check, between "${begin.trim()}" and "${end.trim()}"`);
  return workflow.replace(pattern, () => `${begin}${checkStep(check)}${end}`);
}

function checkStep({ parts, operations }: WorkflowCheck): string {
  const choices = operations === undefined ? [] : [{ input: 'operation', values: operations }];
  const script = needsScript(parts, choices)
    .split('\n')
    .map((line) => (line === '' ? '' : `          ${line}`));
  return [
    '      - name: Check that nothing is missing',
    '        id: check',
    '        shell: bash',
    '        env:',
    ...needsVariables(parts).map(([name, code]) => `          ${name}: ${code}`),
    '        run: |',
    ...script,
    '',
  ].join('\n');
}

/** A table for the guide with what each part of a workflow needs. */
export function needsTable({ parts }: WorkflowCheck): string {
  const rows = parts
    .filter(({ needs }) => needs.length > 0)
    .map(({ name, maySkip, needs }) => [`\`${name}\``, needsText(needs), maySkip ? 'yes' : 'no']);
  return markdownTable(['part', 'what it needs', 'may be skipped'], rows);
}
