import { spawnSync } from 'node:child_process';

/** The pods of this suite and their addresses on one bridge; `outside` is an address that belongs to no cluster. */
export const PODS = {
  order: { ipv4: '10.78.0.2', ipv6: 'fd78::2' },
  payment: { ipv4: '10.78.0.3', ipv6: 'fd78::3' },
  plain: { ipv4: '10.78.0.4', ipv6: 'fd78::4' },
} as const;
export const OUTSIDE = { ipv4: '198.51.100.10', ipv6: '2001:db8::10' } as const;
const GATEWAY = { ipv4: '10.78.0.1', ipv6: 'fd78::1' } as const;

export type PodName = keyof typeof PODS;
export type Family = 'ipv4' | 'ipv6';
export type NamespaceName = PodName | 'hub';

export interface Namespaces {
  /** Name of the kernel's network namespace. */
  readonly of: (name: NamespaceName) => string;
  destroy(): void;
}

/** Four namespaces joined by a bridge in the hub, which is everybody's gateway and the world outside. Nothing outside of them is touched. */
export function createNamespaces(tag: string): Namespaces {
  const of = (name: NamespaceName): string => `${tag}-${name}`;
  const destroy = (): void => {
    for (const name of [...Object.keys(PODS), 'hub'] as NamespaceName[]) run(['netns', 'del', of(name)]);
  };
  try {
    must('netns', 'add', of('hub'));
    hub(of('hub'));
    for (const name of Object.keys(PODS) as PodName[]) plug(of(name), of('hub'), name);
  } catch (error) {
    destroy();
    throw error;
  }
  return { of, destroy };
}

function hub(space: string): void {
  must('-n', space, 'link', 'set', 'lo', 'up');
  must('-n', space, 'link', 'add', 'br0', 'type', 'bridge');
  must('-n', space, 'link', 'set', 'br0', 'up');
  must('-n', space, 'addr', 'add', `${GATEWAY.ipv4}/24`, 'dev', 'br0');
  must('-n', space, 'addr', 'add', `${GATEWAY.ipv6}/64`, 'dev', 'br0', 'nodad');
  must('-n', space, 'addr', 'add', `${OUTSIDE.ipv4}/32`, 'dev', 'lo');
  must('-n', space, 'addr', 'add', `${OUTSIDE.ipv6}/128`, 'dev', 'lo', 'nodad');
}

function plug(space: string, hubSpace: string, name: PodName): void {
  must('netns', 'add', space);
  must('link', 'add', 'eth0', 'netns', space, 'type', 'veth', 'peer', 'name', name, 'netns', hubSpace);
  must('-n', hubSpace, 'link', 'set', name, 'master', 'br0', 'up');
  must('-n', space, 'link', 'set', 'lo', 'up');
  must('-n', space, 'addr', 'add', `${PODS[name].ipv4}/24`, 'dev', 'eth0');
  must('-n', space, 'addr', 'add', `${PODS[name].ipv6}/64`, 'dev', 'eth0', 'nodad');
  must('-n', space, 'link', 'set', 'eth0', 'up');
  must('-n', space, 'route', 'add', 'default', 'via', GATEWAY.ipv4);
  must('-n', space, '-6', 'route', 'add', 'default', 'via', GATEWAY.ipv6);
}

function must(...args: string[]): void {
  const result = run(args);
  if (result.status !== 0) throw new Error(`ip ${args.join(' ')}: ${result.stderr}`);
}

function run(args: readonly string[]): { status: number | null; stderr: string } {
  const result = spawnSync('ip', args, { encoding: 'utf8' });
  return { status: result.status, stderr: result.stderr ?? String(result.error) };
}

/** Why this suite cannot run here, or undefined. */
export function cannotRun(): string | undefined {
  if (process.getuid?.() !== 0) return 'not root: network namespaces cannot be made';
  for (const tool of ['ip', 'iptables-save', 'setpriv']) {
    if (spawnSync(tool, ['--version'], { stdio: 'ignore' }).error !== undefined) return `${tool} is not installed`;
  }
  return undefined;
}
