import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { type PartName, partArguments, partNames } from './arguments.ts';
import { hierarchies } from './cgroups.ts';
import { cniConfig, containerdConfig, kubeletConfig, kubeProxyConfig } from './configs.ts';
import { dnsObjects } from './dns.ts';
import { programKey, refuseGo } from './go-build.ts';
import { goPrograms, kubernetesVersion } from './go-programs.ts';
import { checkClusterName, planCluster } from './names.ts';
import { missingPackages } from './packages.ts';
import { homes } from './paths.ts';
import { leaves } from './pki.ts';
import { mountsBelow } from './remove.ts';

const a = planCluster('/var/lib/heddle', 'a', 3);
const b = planCluster('/var/lib/heddle', 'b', 4);
const programs = { kube: '/c/kube', cri: '/c/cri', cni: '/c/cni', dns: '/c/dns', pause: '/c/pause' };

describe('two plans share nothing', () => {
  test.each(partNames)('%s: every path and address of its arguments is the cluster’s own', (part: PartName) => {
    const shared = partArguments(part, a).filter(
      (argument) => /\/var\/lib|10\.|fd68/.test(argument) && partArguments(part, b).includes(argument),
    );
    expect(shared).toEqual([]);
  });

  test('configurations name no path outside the cluster’s folder and the programs', () => {
    const text = [
      cniConfig(a),
      containerdConfig(a, programs),
      kubeletConfig(a),
      kubeProxyConfig(a, '/var/lib/heddle/clusters/a/p'),
    ].join('\n');
    const paths = [...text.matchAll(/"(?:unix:\/\/)?(\/[^"]+)"/g)].map((match) => match[1] ?? '');
    const known = paths.filter(
      (path) => path.startsWith('/var/lib/heddle/clusters/a/') || path.startsWith('/c/') || path === '/heddle-a',
    );
    expect(paths.length).toBeGreaterThan(8);
    expect(paths.filter((path) => !known.includes(path))).toEqual([]);
  });

  test('names', () => {
    for (const key of ['netns', 'link', 'cgroup', 'network', 'netnsFile'] as const) expect(a[key]).not.toBe(b[key]);
    expect(planCluster('/s', 'x'.repeat(24), 31).link.length).toBeLessThanOrEqual(15);
  });
});

test('the API server’s certificate holds every address it is reached by', () => {
  const server = leaves(a).find((leaf) => leaf.name === 'apiserver')?.extension ?? '';
  for (const ip of [a.subnets.link.nodeV4, a.subnets.apiService.v4, a.subnets.apiService.v6, '127.0.0.1'])
    expect(server).toContain(`IP:${ip}`);
});

test('the node is given the whole range that its pods get their addresses from', () => {
  const given = partArguments('kube-controller-manager', a);
  for (const [family, range] of Object.entries({ ipv4: a.subnets.pods.v4, ipv6: a.subnets.pods.v6 })) {
    expect(given.find((argument) => argument.startsWith('--cluster-cidr='))).toContain(range);
    expect(given).toContain(`--node-cidr-mask-size-${family}=${range.split('/')[1]}`);
    expect(cniConfig(a)).toContain(range);
  }
});

test('DNS gets the address that the kubelet tells pods', () => {
  const service = dnsObjects(a).find(({ path }) => path.endsWith('/services/kube-dns'));
  expect(JSON.stringify(service)).toContain(`"clusterIP":"${a.subnets.dnsService.v4}"`);
  expect(JSON.parse(kubeletConfig(a)).clusterDNS).toEqual([a.subnets.dnsService.v4]);
});

test.each(['', 'A', '1a', 'a-', '-a', 'a/b', '../a', 'a b', 'x'.repeat(25)])('%p is no cluster’s name', (name) => {
  expect(() => checkClusterName(name)).toThrow("a cluster's name is");
});

test.each(['state', '/', './x'])('HEDDLE_STATE=%p is refused', (value) => {
  expect(() => homes({ HEDDLE_STATE: value })).toThrow('HEDDLE_STATE must be an absolute path');
});

describe('Go', () => {
  test.each(['go1.26.0', 'go1.26.8', 'go1.27rc1', 'go2.0'])('%s is new enough', (version) => {
    expect(refuseGo(version)).toBeUndefined();
  });

  test.each(['go1.25.9', 'go1.3', '', 'devel'])('%p is refused with what to do', (version) => {
    expect(refuseGo(version)).toMatch(/Go 1\.26 or newer .* install it/);
  });

  test('versions said to users are those of go.mod', () => {
    const text = readFileSync(new URL('./go/kube/go.mod', import.meta.url), 'utf8');
    expect(text).toContain(`k8s.io/kubernetes ${kubernetesVersion}\n`);
  });

  test('a program’s folder changes with its settings and processor', async () => {
    const pause = goPrograms.find((program) => program.name === 'pause');
    if (!pause) throw new Error('no pause');
    const keys = [
      await programKey(pause),
      await programKey(pause, undefined, 'other'),
      await programKey({ ...pause, variables: { x: 'y' } }),
    ];
    expect(new Set(keys).size).toBe(3);
    expect(await programKey(pause)).toBe(keys[0]);
  });
});

test('missing packages are named once each, sorted', () => {
  const needs = [
    { program: 'nft', package: 'nftables' },
    { program: 'ip', package: 'iproute2' },
    { program: 'bridge', package: 'iproute2' },
  ];
  expect(missingPackages(needs, () => false)).toEqual(['iproute2', 'nftables']);
  expect(missingPackages(needs, (program) => program !== 'nft')).toEqual(['nftables']);
  expect(missingPackages(needs, () => true)).toEqual([]);
});

test('mounts below a folder, deepest first; a neighbour with the same beginning is not one', () => {
  const mounts = [
    'overlay /r/a/x overlay rw 0 0',
    'tmpfs /r/a/x/y\\040z tmpfs rw 0 0',
    'tmpfs /r/ab tmpfs rw 0 0',
    'tmpfs /r/a tmpfs rw 0 0',
  ].join('\n');
  expect(mountsBelow('/r/a', mounts)).toEqual(['/r/a/x/y z', '/r/a/x']);
});

test('cgroup hierarchies of version 1, 2 and both', () => {
  const v1 = 'cgroup /sys/fs/cgroup/pids cgroup rw 0 0\ncgroup /sys/fs/cgroup/memory cgroup rw 0 0';
  const v2 = 'cgroup2 /sys/fs/cgroup cgroup2 rw 0 0';
  expect(hierarchies(v1)).toEqual(['/sys/fs/cgroup/memory', '/sys/fs/cgroup/pids']);
  expect(hierarchies(v2)).toEqual(['/sys/fs/cgroup']);
  expect(
    hierarchies(`${v1}\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\ntmpfs /sys/fs/cgroup tmpfs rw 0 0`),
  ).toHaveLength(3);
});
