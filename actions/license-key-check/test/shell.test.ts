import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runAction, temporaryDirectory } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { action } from '../src/action.ts';

const keyOf = `digest=$(printf '%s\\n%s' "$name" "$email" | openssl dgst -sha256 -hmac "$KEYGEN_SECRET" -r | cut -c1-20 | tr a-f A-F)
key=$(printf '%s' "$digest" | sed 's/...../&-/g; s/-$//')
`;

/** A pair as sites have it: shell scripts around openssl. */
function shellPrograms(validate: string): string {
  const directory = temporaryDirectory('shell');
  const write = (name: string, script: string): void => {
    writeFileSync(join(directory, name), `#!/bin/sh\n${script}`);
    chmodSync(join(directory, name), 0o755);
  };
  write('generate', `name=$1 email=$2\n${keyOf}printf '%s\\n' "$key"\n`);
  write('validate', `name=$1 email=$2 given=$3\n${keyOf}${validate}\n`);
  return directory;
}

function check(workDirectory: string) {
  return runAction(
    action,
    {
      generator: './generate {name} {email}',
      validator: './validate {name} {email} {key}',
      'accepted-output': 'license ok',
      'rejected-output': 'license wrong',
      'key-pattern': '([0-9A-F]{5}-){3}[0-9A-F]{5}',
      'key-alphabet': '0-9A-F',
      environment: 'KEYGEN_SECRET',
      cases: '4',
      'exhaustive-cases': '0',
      'changes-per-case': '4',
      seed: '11',
    },
    { workDirectory, environment: { PATH: process.env['PATH'] ?? '', KEYGEN_SECRET: 'secret of the site' } },
  );
}

describe('a pair of shell scripts around openssl', () => {
  test('passes', async () => {
    const { failure, outputs } = await check(
      shellPrograms('[ "$given" = "$key" ] && echo "license ok" || echo "license wrong"'),
    );
    expect(failure).toBeUndefined();
    expect(outputs).toMatchObject({ result: 'passed', cases: 4 });
  });

  test('fails for what it prints that is no verdict', async () => {
    const { failure } = await check(
      shellPrograms('[ "$given" = "$key" ] && echo "license ok" || echo "unexpected"'),
    );
    expect(failure?.message).toMatch(
      /printed neither accepted-output nor rejected-output \(status 0\) \(validator-answers\)/,
    );
  });

  test('fails when its comparison is a pattern', async () => {
    const { failure } = await check(
      shellPrograms(
        'case "$given" in "$(echo "$key" | cut -c1-22)"*) echo "license ok" ;; *) echo "license wrong" ;; esac',
      ),
    );
    expect(failure?.message).toMatch(/changes-rejected/);
  });
});
