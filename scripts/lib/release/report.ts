import { readdirSync } from 'node:fs';
import type { Result } from './execute.ts';
import type { Plan } from './plan.ts';

/** What was made and what remains to be done. */
export function report(plan: Plan, { source, released, files, pushed }: Result): readonly string[] {
  const names = [
    plan.tag,
    ...plan.steps.flatMap((step) => (step.kind === 'tag' && step.moves ? [step.name] : [])),
  ];
  return [
    `${plan.branch} is at ${source}; ${names.join(' and ')} at ${released}, which has the bundles.`,
    `Files in ${files}: ${readdirSync(files).sort().join(', ')}`,
    pushed
      ? 'Pushed. Next, upload the files to the release of the tag.'
      : `Nothing was pushed. To push, run "scripts/release ${plan.version} --push", which builds again and checks that the result is the same.`,
  ];
}
