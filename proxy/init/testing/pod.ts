import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Why the tests that need network namespaces cannot run here, or undefined. */
export function cannotRun(): string | undefined {
  if (process.getuid?.() !== 0) return 'not root: network namespaces cannot be made';
  for (const tool of ['ip', 'iptables-nft-save', 'iptables-legacy-save', 'setpriv']) {
    if (spawnSync(tool, ['--version'], { stdio: 'ignore' }).error !== undefined) return `${tool} is not installed`;
  }
  return undefined;
}

export const ADDRESSES = {
  pod: { ipv4: '10.77.0.2', ipv6: 'fd77::2' },
  peer: { ipv4: '10.77.0.1', ipv6: 'fd77::1' },
} as const;

export interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

type Side = 'pod' | 'peer';

/** Two namespaces joined by a cable: `pod`, and `peer`, which is also its default route. */
export interface Pod {
  readonly state: string;
  exec(side: Side, command: readonly string[]): Result;
  /** Runs a program of this folder with node, until `destroy`; resolves when it says that it is ready. */
  serve(side: Side, ports: readonly number[]): Promise<void>;
  /** Dials from a side; answers as `testing/dial.ts` prints them. `user`: as that one. */
  dial(side: Side, targets: readonly string[], user?: { readonly uid: number; readonly gid: number }): string[];
  /** Runs heddle-init. `env` is added to its environment; `prefix` is a program that starts it. */
  init(options: unknown, env?: Readonly<Record<string, string>>, prefix?: readonly string[]): Result;
  destroy(): void;
}

const FLAGS = ['--disable-warning=ExperimentalWarning'];
const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

export function createPod(): Pod {
  const tag = `hi${process.pid.toString(36)}${Math.floor(performance.now()).toString(36)}`;
  const names = { pod: `${tag}a`, peer: `${tag}b` } as const;
  const state = mkdtempSync(join(tmpdir(), 'heddle-init-'));
  const children: ChildProcess[] = [];
  const exec = (side: Side, command: readonly string[]): Result =>
    call('ip', ['netns', 'exec', names[side], ...command]);
  const node = (program: string, args: readonly string[]): string[] => [
    process.execPath,
    ...FLAGS,
    file(program),
    ...args,
  ];
  plug(names);
  return {
    state,
    exec,
    serve: (side, ports) => {
      const [program = '', ...args] = ['ip', 'netns', 'exec', names[side], ...node('answer.ts', ports.map(String))];
      const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      children.push(child);
      return new Promise((resolve, reject) => {
        child.stdout.once('data', () => resolve());
        child.once('exit', (code) => reject(new Error(`the answering program ended with ${code}`)));
      });
    },
    dial: (side, targets, user) => {
      const prefix =
        user === undefined ? [] : ['setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups'];
      const result = exec(side, [...prefix, ...node('dial.ts', targets)]);
      if (result.code !== 0) throw new Error(result.stderr);
      return JSON.parse(result.stdout) as string[];
    },
    init: (options, env = {}, prefix = []) => {
      const variables = Object.entries({ HEDDLE_STATE_DIRECTORY: state, ...env }).map(
        ([name, value]) => `${name}=${value}`,
      );
      return exec('pod', [...prefix, 'env', ...variables, ...node('../main.ts', [JSON.stringify(options)])]);
    },
    destroy: () => {
      for (const child of children) child.kill('SIGKILL');
      for (const name of Object.values(names)) call('ip', ['netns', 'del', name]);
      rmSync(state, { recursive: true, force: true });
    },
  };
}

function plug(names: Readonly<Record<Side, string>>): void {
  for (const name of Object.values(names)) must('netns', 'add', name);
  must('link', 'add', 'eth0', 'netns', names.pod, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', names.peer);
  for (const side of ['pod', 'peer'] as const) {
    must('-n', names[side], 'link', 'set', 'lo', 'up');
    must('-n', names[side], 'addr', 'add', `${ADDRESSES[side].ipv4}/24`, 'dev', 'eth0');
    must('-n', names[side], 'addr', 'add', `${ADDRESSES[side].ipv6}/64`, 'dev', 'eth0', 'nodad');
    must('-n', names[side], 'link', 'set', 'eth0', 'up');
  }
  must('-n', names.pod, 'route', 'add', 'default', 'via', ADDRESSES.peer.ipv4);
  must('-n', names.pod, '-6', 'route', 'add', 'default', 'via', ADDRESSES.peer.ipv6);
}

function must(...args: string[]): void {
  const result = call('ip', args);
  if (result.code !== 0) throw new Error(`ip ${args.join(' ')}: ${result.stderr}`);
}

function call(program: string, args: readonly string[]): Result {
  const result = spawnSync(program, args, { encoding: 'utf8' });
  return { code: result.status, stdout: result.stdout ?? '', stderr: result.stderr ?? String(result.error) };
}
