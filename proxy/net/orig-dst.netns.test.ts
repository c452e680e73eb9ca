import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { until } from '../base/testing/wait.ts';

/** Two namespaces, a client and a pod, joined by a veth pair; REDIRECT as `heddle-init` writes it. Needs root. */
const POD = `hdl-pod-${process.pid}`;
const CLIENT = `hdl-cli-${process.pid}`;

function missing(): string | undefined {
  if (process.getuid?.() !== 0) return 'not root: network namespaces cannot be made';
  for (const tool of ['ip', 'iptables', 'ip6tables']) {
    try {
      execFileSync('which', [tool], { stdio: 'ignore' });
    } catch {
      return `${tool} is not installed: apt-get install iproute2 iptables`;
    }
  }
  return undefined;
}
const why = missing();
const run = (command: string): void =>
  void execFileSync('sh', ['-ec', command], { stdio: ['ignore', 'ignore', 'pipe'] });

let child: ChildProcess | undefined;
let output = '';
const seen = (): Record<string, unknown>[] =>
  output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** Dials from a namespace; what answers is the reset of the listener. */
function dialFrom(namespace: string, address: string, port: number): void {
  const script = `require('node:net').connect(${port}, '${address}').on('error', () => {})`;
  execFileSync('ip', ['netns', 'exec', namespace, process.execPath, '-e', script], {
    timeout: 5_000,
    env: { ...process.env, NODE_OPTIONS: '' },
  });
}

(why === undefined ? describe : describe.skip)(
  `original destination in a namespace${why === undefined ? '' : ` (${why})`}`,
  () => {
    beforeAll(async () => {
      run(`
      ip netns add ${POD}; ip netns add ${CLIENT}
      ip link add hp${process.pid} netns ${POD} type veth peer name hc${process.pid} netns ${CLIENT}
      for one in "${POD} hp${process.pid} 10.1.0.7/24 fd00:1::7/64" "${CLIENT} hc${process.pid} 10.1.0.8/24 fd00:1::8/64"; do
        set -- $one
        ip -n $1 link set lo up; ip -n $1 link set $2 up
        ip -n $1 addr add $3 dev $2; ip -n $1 -6 addr add $4 dev $2 nodad
      done
      ip -n ${POD} route add default via 10.1.0.8; ip -n ${POD} -6 route add default via fd00:1::8
      for tables in iptables ip6tables; do
        ip netns exec ${POD} $tables -t nat -A OUTPUT -p tcp --dport 80 -j REDIRECT --to-ports 19801
        ip netns exec ${POD} $tables -t nat -A PREROUTING -p tcp --dport 3000 -j REDIRECT --to-ports 19802
      done
    `);
      const script = join(import.meta.dirname, 'testing', 'report-destinations.ts');
      child = spawn(
        'ip',
        ['netns', 'exec', POD, process.execPath, '--disable-warning=ExperimentalWarning', script, '19801', '19802'],
        {
          stdio: ['ignore', 'pipe', 'inherit'],
          env: { ...process.env, NODE_OPTIONS: '' },
        },
      );
      child.stdout?.on('data', (chunk) => {
        output += String(chunk);
      });
      await until('listening', () => output.includes('listening'), 10_000);
    }, 20_000);

    afterAll(() => {
      child?.kill('SIGKILL');
      for (const namespace of [POD, CLIENT]) {
        try {
          run(`ip netns del ${namespace}`);
        } catch {
          // Never made.
        }
      }
    });

    test.each([
      ['an outgoing connection, IPv4', POD, '10.96.0.1', 80, 19801, true],
      ['an outgoing connection, IPv6', POD, 'fd00:96::1', 80, 19801, true],
      ['an arriving connection, IPv4', CLIENT, '10.1.0.7', 3000, 19802, true],
      ['an arriving connection, IPv6', CLIENT, 'fd00:1::7', 3000, 19802, true],
      ['straight to the proxy, IPv4', CLIENT, '10.1.0.7', 19802, 19802, false],
      ['straight to the proxy, IPv6', CLIENT, 'fd00:1::7', 19801, 19801, false],
    ])('%s', async (_name, from, address, port, listener, redirected) => {
      const before = seen().length;
      dialFrom(from, address, port);
      await until('the connection', () => seen().length > before);
      expect(seen()[before]).toEqual({ listener, address, port, redirected });
    });
  },
);
