import { spawn } from 'node:child_process';
import { type ClusterOptions, kubeconfigPath, kubectlPath } from '../cluster/cluster.ts';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** kubectl bound to one cluster. */
export interface Kubectl {
  /** Runs kubectl; a non-zero end is an error with its words, unless `allowFailure`. */
  (args: readonly string[], options?: { readonly input?: string; readonly allowFailure?: boolean }): Promise<Ran>;
  readonly kubeconfig: string;
}

export async function createKubectl(options: ClusterOptions = {}): Promise<Kubectl> {
  const [kubeconfig, program] = await Promise.all([kubeconfigPath(options), kubectlPath(options)]);
  const call = async (
    args: readonly string[],
    { input, allowFailure = false }: { input?: string; allowFailure?: boolean } = {},
  ): Promise<Ran> => {
    const ran = await run(program, ['--kubeconfig', kubeconfig, ...args], input);
    if (ran.code !== 0 && !allowFailure) {
      throw new Error(`kubectl ${args.join(' ')} ended with ${ran.code}: ${(ran.stderr || ran.stdout).trim()}`);
    }
    return ran;
  };
  return Object.assign(call, { kubeconfig });
}

function run(program: string, args: readonly string[], input: string | undefined): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? 1, stdout, stderr }));
    child.stdin.on('error', () => child.kill());
    child.stdin.end(input ?? '');
  });
}

/** `kubectl get … -o json`, parsed; undefined when it does not exist. */
export async function getJson<T>(kubectl: Kubectl, args: readonly string[]): Promise<T | undefined> {
  const ran = await kubectl(['get', ...args, '-o', 'json'], { allowFailure: true });
  if (ran.code === 0) return JSON.parse(ran.stdout) as T;
  if (/NotFound|not found/.test(ran.stderr)) return undefined;
  throw new Error(`kubectl get ${args.join(' ')}: ${ran.stderr.trim()}`);
}

/** Polls until `condition` gives something; fails with what it waited for and the last error. */
export async function eventually<T>(
  what: string,
  condition: () => Promise<T | undefined | false>,
  timeoutMs = 60_000,
  intervalMs = 250,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value !== undefined && value !== false) return value;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end) throw new Error(`not within ${timeoutMs / 1000} s: ${what}`, { cause: last });
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
  }
}
