import { type SpawnOptions, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

/** The end of a command's output that is kept for an error or a caller. */
const OUTPUT_LIMIT = 8 * 1024 * 1024;

export interface RunOptions {
  readonly cwd?: string;
  /** Replaces the environment; default: this process's. */
  readonly env?: NodeJS.ProcessEnv;
  /** Written to the command's standard input, which is then closed. Default: no input. */
  readonly input?: string;
  /** Called with every complete line of standard error: for progress. */
  readonly onErrorLine?: (line: string) => void;
}

export interface Finished {
  /** Exit code; -1 when a signal ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that could not start or ended with another code than 0. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}

/** Runs a command to its end and returns its output whatever its exit code. Fails only when it cannot be started. */
export function attempt(command: string, args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, spawnOptions(options));
    let stdout = '';
    let stderr = '';
    let line = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout = keepEnd(stdout + text);
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr = keepEnd(stderr + text);
      if (!options.onErrorLine) return;
      const lines = (line + text).split('\n');
      line = lines.pop() ?? '';
      for (const complete of lines) options.onErrorLine(complete);
    });
    child.on('error', (cause) => reject(new CommandError(`cannot start ${command}: ${cause.message}`, { cause })));
    child.on('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
    child.stdin?.on('error', () => undefined).end(options.input ?? '');
  });
}

/** Runs a command that must succeed; returns its standard output. The error carries the command, its code and its last lines. */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const finished = await attempt(command, args, options);
  if (finished.code === 0) return finished.stdout;
  const said = lastLines(`${finished.stdout}\n${finished.stderr}`, 15);
  throw new CommandError(`${command} ${args.join(' ')} ended with ${finished.code}${said ? `:\n${said}` : ''}`);
}

/** The last `count` lines of a text that are not blank, indented for an error message. */
export function lastLines(text: string, count: number): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines
    .slice(-count)
    .map((line) => `    ${line.slice(0, 400)}`)
    .join('\n');
}

/** System programs live in sbin on Debian, which is not in everybody's PATH. */
export function systemPath(env: NodeJS.ProcessEnv = process.env): string {
  return [env['PATH'] ?? '', '/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/local/go/bin'].filter(Boolean).join(':');
}

/** Full path of a program, or undefined when there is none. */
export function which(program: string, path: string = systemPath()): string | undefined {
  return path
    .split(':')
    .map((folder) => join(folder, program))
    .find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function spawnOptions(options: RunOptions): SpawnOptions {
  const env = options.env ?? process.env;
  return {
    stdio: 'pipe',
    env: { ...env, PATH: systemPath(env) },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  };
}

function keepEnd(text: string): string {
  return text.length > OUTPUT_LIMIT ? text.slice(-OUTPUT_LIMIT) : text;
}
