import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { INIT_REPORT_FILE, PORTS, PROXY_GID, PROXY_UID } from '../contract/bootstrap.ts';
import { OPTIONS } from './testing/options.ts';
import { ADDRESSES, cannotRun, createPod, type Pod } from './testing/pod.ts';

/** Each test starts up to a dozen processes: seconds on a busy machine. */
jest.setTimeout(60_000);

const skipped = cannotRun();
if (skipped !== undefined) process.stderr.write(`init.netns.test.ts is skipped: ${skipped}\n`);
const families = ['ipv4', 'ipv6'] as const;

(skipped === undefined ? describe : describe.skip)('heddle-init in a network namespace', () => {
  let pod: Pod;
  beforeEach(() => {
    pod = createPod();
  });
  afterEach(() => pod.destroy());

  const report = (): unknown => JSON.parse(readFileSync(join(pod.state, INIT_REPORT_FILE), 'utf8'));
  const saved = (variant = 'nft'): string =>
    ['iptables', 'ip6tables']
      .map((tool) => pod.exec('pod', [`${tool}-${variant}-save`, '-t', 'nat']).stdout)
      .join('')
      .replace(/^#.*\n/gm, '')
      .replace(/\[\d+:\d+\]/g, '[0:0]');

  test('writes the rules, sees them work on both families, leaves the report; again: the same rules', () => {
    const first = pod.init(OPTIONS);
    expect([first.code, first.stderr]).toEqual([0, expect.stringContaining('this pod is redirected')]);
    for (const family of families)
      expect(first.stderr).toContain(`"redirection works","component":"init","family":"${family}"`);
    expect(report()).toEqual({ ipv6: true, serviceAddressSurvives: true });
    const rules = saved();
    expect(rules.match(/-j HEDDLE_OUTPUT\n/g)?.length).toBe(2);
    expect(pod.init(OPTIONS).code).toBe(0);
    expect(saved()).toBe(rules);
    // Other options replace ours and leave foreign rules where they are.
    pod.exec('pod', ['iptables-nft', '-t', 'nat', '-A', 'POSTROUTING', '-p', 'tcp', '-j', 'RETURN']);
    expect(pod.init({ ...OPTIONS, excludeOutboundPorts: [] }).code).toBe(0);
    const changed = saved();
    expect(changed).not.toContain('5432');
    expect(changed.match(/-j HEDDLE_OUTPUT\n/g)?.length).toBe(2);
    expect(changed).toContain('-A POSTROUTING -p tcp -j RETURN');
  });

  test('who is redirected, and who is not', async () => {
    expect(pod.init(OPTIONS).code).toBe(0);
    await pod.serve('pod', [PORTS.outbound, PORTS.inbound, PORTS.health, PORTS.metrics, 3000, 2222]);
    await pod.serve('peer', [80, 5432]);
    for (const family of families) {
      const [own, peer] = [ADDRESSES.pod[family], ADDRESSES.peer[family]];
      const service = family === 'ipv4' ? '10.96.0.10' : 'fd96::10';
      const loopback = family === 'ipv4' ? '127.0.0.1' : '::1';
      const targets = [`${peer}/80`, `${service}/53`, `${peer}/5432`, `${own}/3000`, `${loopback}/3000`];
      expect(pod.dial('pod', targets)).toEqual([
        `${PORTS.outbound} ${peer} 80`,
        // A Service address, that of the pod's own Service included; DNS over TCP is no exception.
        `${PORTS.outbound} ${service} 53`,
        `5432 ${peer} 5432`,
        `3000 ${own} 3000`,
        `3000 ${loopback} 3000`,
      ]);
      // The proxy goes straight out, and straight to the application at the pod's own address.
      const proxy = { uid: PROXY_UID, gid: PROXY_GID };
      expect(pod.dial('pod', [`${peer}/80`, `${own}/3000`], proxy)).toEqual([`80 ${peer} 80`, `3000 ${own} 3000`]);
      // An image may name the proxy's user (admission cannot see it), or have its group: neither is the proxy.
      for (const image of [
        { ...proxy, gid: 0 },
        { ...proxy, gid: PROXY_UID },
        { ...proxy, uid: 1000 },
      ]) {
        expect(pod.dial('pod', [`${peer}/80`], image)).toEqual([`${PORTS.outbound} ${peer} 80`]);
      }
      const arriving = [3000, 4000, 2222, PORTS.health, PORTS.metrics, PORTS.inbound, PORTS.outbound];
      expect(
        pod.dial(
          'peer',
          arriving.map((port) => `${own}/${port}`),
        ),
      ).toEqual([
        `${PORTS.inbound} ${own} 3000`,
        `${PORTS.inbound} ${own} 4000`,
        ...arriving.slice(2).map((port) => `${port} ${own} ${port}`),
      ]);
    }
  });

  test("what a neighbour sends to an address that is not the pod's never reaches its proxy", async () => {
    const foreign = { ipv4: '198.51.100.7', ipv6: '2001:db8::7' } as const;
    expect(pod.init(OPTIONS).code).toBe(0);
    await pod.serve('pod', [PORTS.inbound, 80]);
    for (const family of families) {
      const prefix = family === 'ipv4' ? 32 : 128;
      const flag = family === 'ipv4' ? '-4' : '-6';
      const route = ['ip', flag, 'route', 'add', `${foreign[family]}/${prefix}`, 'via', ADDRESSES.pod[family]];
      expect(pod.exec('peer', route).code).toBe(0);
      // Refused, unreachable or silent, as the kernel of the pod forwards or not: only not answered by the proxy.
      expect(pod.dial('peer', [`${foreign[family]}/80`])[0]).toMatch(/^(timeout|E[A-Z]+)$/);
      expect(pod.dial('peer', [`${ADDRESSES.pod[family]}/80`])).toEqual([
        `${PORTS.inbound} ${ADDRESSES.pod[family]} 80`,
      ]);
    }
  });

  test('excluded networks go straight out', async () => {
    const excluded = { ...OPTIONS, excludeOutboundCidrs: [`${ADDRESSES.peer.ipv4}/32`, 'fd77::/64'] };
    expect(pod.init(excluded).code).toBe(0);
    await pod.serve('peer', [80]);
    for (const family of families) {
      const peer = ADDRESSES.peer[family];
      expect(pod.dial('pod', [`${peer}/80`])).toEqual([`80 ${peer} 80`]);
    }
  });

  test('legacy where there is no nft tool', () => {
    const bin = toolFolder(pod, ['legacy']);
    expect(pod.init(OPTIONS, { PATH: bin }).code).toBe(0);
    const rules = saved('legacy');
    expect(rules).toContain('-A OUTPUT -p tcp -j HEDDLE_OUTPUT');
    expect(pod.init(OPTIONS, { PATH: bin }).code).toBe(0);
    expect(saved('legacy')).toBe(rules);
  });

  test('a pod without IPv6 addresses, and one without routes', () => {
    pod.exec('pod', ['sysctl', '-q', '-w', 'net.ipv6.conf.all.disable_ipv6=1']);
    expect(pod.init(OPTIONS).code).toBe(0);
    expect(report()).toMatchObject({ serviceAddressSurvives: true });
    pod.exec('pod', ['ip', 'addr', 'flush', 'dev', 'eth0']);
    const alone = pod.init({ ...OPTIONS, selfCheckTarget: undefined });
    expect([alone.code, alone.stderr]).toEqual([0, expect.stringContaining('was not checked')]);
  });

  test('IPv6 that others can reach, and no way to redirect it: an error, not a hole', () => {
    const bin = toolFolder(pod, ['nft'], ['iptables']);
    const result = pod.init(OPTIONS, { PATH: bin });
    expect([result.code, result.stderr]).toEqual([1, expect.stringContaining('family=ipv6')]);
    pod.exec('pod', ['ip', '-6', 'addr', 'flush', 'dev', 'eth0', 'scope', 'global']);
    expect(pod.init(OPTIONS, { PATH: bin }).code).toBe(0);
    expect(report()).toMatchObject({ ipv6: false });
  });

  test('errors say what to do', async () => {
    const outcome = (result: { code: number | null; stderr: string }) => [result.code, result.stderr];
    const plain = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
    expect(outcome(pod.init(OPTIONS, {}, plain))).toEqual([1, expect.stringContaining('NET_ADMIN')]);
    expect(outcome(pod.init(OPTIONS, { PATH: '/nowhere' }))).toEqual([1, expect.stringContaining('not in this image')]);
    expect(outcome(pod.init({ ...OPTIONS, outboundPort: 0 }))).toEqual([
      1,
      expect.stringContaining('option outboundPort'),
    ]);
    await pod.serve('pod', [PORTS.outbound]);
    expect(outcome(pod.init(OPTIONS))).toEqual([1, expect.stringContaining('EADDRINUSE')]);
  });

  test('another rule that takes the traffic first is noticed', () => {
    pod.exec('pod', ['iptables-nft', '-t', 'nat', '-A', 'OUTPUT', '-p', 'tcp', '-j', 'DNAT', '--to', '10.77.0.1:1']);
    const result = pod.init(OPTIONS);
    expect([result.code, result.stderr]).toEqual([1, expect.stringContaining('rewrites or drops it first')]);
  });

  test('a state directory that cannot be written is no fault', () => {
    const result = pod.init(OPTIONS, { HEDDLE_STATE_DIRECTORY: '/nowhere' });
    expect([result.code, result.stderr]).toEqual([0, expect.stringContaining('report is not kept')]);
  });
});

/** A folder for PATH that holds only the named variants of the tools. */
function toolFolder(
  pod: Pod,
  variants: readonly string[],
  tools: readonly string[] = ['iptables', 'ip6tables'],
): string {
  const folder = join(pod.state, 'bin');
  mkdirSync(folder);
  for (const tool of tools) {
    for (const variant of variants) {
      for (const verb of ['save', 'restore']) {
        symlinkSync(`/usr/sbin/${tool}-${variant}-${verb}`, join(folder, `${tool}-${variant}-${verb}`));
      }
    }
  }
  return folder;
}
