import { spawn } from 'node:child_process';
import { errorCode } from '../base/errors.ts';

/** What a program did. `missing`: there is no such program. */
export type RunResult =
  | { readonly kind: 'missing' }
  | { readonly kind: 'ended'; readonly code: number | null; readonly stdout: string; readonly stderr: string };

export type Run = (program: string, args: readonly string[], input: string) => Promise<RunResult>;

/** Output beyond this is cut: it goes into an error message at most. */
const MOST_OUTPUT = 1_048_576;
const TIMEOUT_MS = 20_000;

/** Runs a program with `input` on its standard input. Rejects only when it cannot be started for another reason than that it is missing. */
export const run: Run = (program, args, input) =>
  new Promise((resolve, reject) => {
    // The lock file of the legacy tools lies on a file system that is read-only here; nobody else writes rules in this pod.
    const env = { ...process.env, XTABLES_LOCKFILE: '/dev/null' };
    const child = spawn(program, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
    // Not spawn's own timeout: that one keeps running, and the process with it, when the program is missing.
    const timer = setTimeout(() => child.kill('SIGKILL'), TIMEOUT_MS);
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        if (output[name].length < MOST_OUTPUT) output[name] += text;
      });
    }
    child.on('error', (error) => {
      clearTimeout(timer);
      if (errorCode(error) === 'ENOENT') resolve({ kind: 'missing' });
      else reject(error);
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ kind: 'ended', code, ...output });
    });
    // A program that does not read to the end says why on its standard error.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
