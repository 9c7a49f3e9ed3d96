import { execFile } from 'node:child_process';

const maxOutputBytes = 64 * 2 ** 20;

export interface GitOptions {
  /** Added to this process's environment. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Runs git in a directory and returns its output. Throws an `Error` with git's own message. */
export function git(directory: string, args: readonly string[], options: GitOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      'git',
      args,
      {
        cwd: directory,
        env: { ...process.env, ...options.environment, LC_ALL: 'C' },
        maxBuffer: maxOutputBytes,
      },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout.trimEnd());
        else reject(new Error(`git ${args[0]} failed: ${stderr.trim() || error.message}`));
      },
    );
    child.stdin?.end();
  });
}

/** The same, but undefined if git fails, for example because a file or a tag does not exist. */
export function gitIfThere(directory: string, args: readonly string[]): Promise<string | undefined> {
  return git(directory, args).catch(() => undefined);
}
