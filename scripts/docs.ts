import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { say } from './lib/command.ts';
import { type Document, documents, loadActions, loadChains } from './lib/documents.ts';
import { root } from './lib/workspace.ts';

const check = process.argv.includes('--check');
const stale = documents(root, await loadActions(root), await loadChains(root))
  .map(formatted)
  .filter(({ path, contents }) => {
    const file = join(root, path);
    return !existsSync(file) || readFileSync(file, 'utf8') !== contents;
  });

for (const document of stale) {
  if (check) {
    say(`✗ ${document.path} does not match the declarations:\n${difference(document)}`);
  } else {
    writeFileSync(join(root, document.path), document.contents);
    say(`wrote ${document.path}`);
  }
}
if (check && stale.length > 0) {
  say('Run "scripts/docs" to update them.');
  process.exitCode = 1;
}

/** Formatted code, so that the formatter leaves it as it is. */
function formatted(document: Document): Document {
  if (!/\.(ts|json|md|yml)$/.test(document.path)) return document;
  const biome = join(root, 'node_modules/@biomejs/biome/bin/biome');
  const args = [biome, 'format', `--stdin-file-path=${document.path}`];
  const contents = execFileSync(process.execPath, args, {
    cwd: root,
    input: document.contents,
    encoding: 'utf8',
  });
  return { path: document.path, contents };
}

function difference({ path, contents }: Document): string {
  const directory = mkdtempSync(join(tmpdir(), 'slipway-docs-'));
  try {
    const wanted = join(directory, 'wanted');
    writeFileSync(wanted, contents);
    const present = existsSync(join(root, path)) ? join(root, path) : '/dev/null';
    execFileSync('git', ['diff', '--no-index', '--no-color', '--', present, wanted], { encoding: 'utf8' });
    return '';
  } catch (error) {
    // git exits with 1 if the files differ.
    return String((error as { stdout?: string }).stdout ?? error)
      .split('\n')
      .filter((line) => /^[-+ @]/.test(line) && !/^(---|\+\+\+)/.test(line))
      .slice(0, 60)
      .join('\n');
  } finally {
    rmSync(directory, { recursive: true });
  }
}
