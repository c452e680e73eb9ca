import { join } from 'node:path';
import type { GoFolders } from './go-build.ts';
import type { ClusterPlan } from './names.ts';

/** The image every pod's first container is made of. Built here, imported at start, never fetched. */
export const pauseImage = 'localhost/heddle/pause:1';

/** Where containerd looks for network plugins' configuration. */
export function cniFolder(plan: ClusterPlan): string {
  return join(plan.paths.root, 'cni');
}

/**
 * The pod network. `ptp`, not `bridge`: every packet between pods is routed by the node, so kube-proxy sees answers that stay on the node, whether
 * the kernel has br_netfilter or not. No masquerading: this machine has the routes back, and what arrives bears the pod's own address.
 */
export function cniConfig(plan: ClusterPlan): string {
  const ipam = {
    type: 'host-local',
    dataDir: join(plan.paths.root, 'cni-addresses'),
    ranges: [[{ subnet: plan.subnets.pods.v4 }], [{ subnet: plan.subnets.pods.v6 }]],
    routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
  };
  const plugins = [
    { type: quickAddress.name },
    { type: 'ptp', mtu: 1500, ipMasq: false, ipam },
    { type: 'portmap', capabilities: { portMappings: true } },
  ];
  return json({ cniVersion: '1.0.0', name: plan.network, plugins });
}

/**
 * A network plugin of our own that goes first: it turns duplicate address detection (RFC 4862, section 5.4) off in the pod's namespace. A pod is alone
 * on its wire and its address comes from a list, while the check would hold every pod's start up by more than a second.
 */
export const quickAddress = {
  name: 'heddle-quick-address',
  script: [
    '#!/bin/sh',
    'set -eu',
    'case "$CNI_COMMAND" in',
    '  ADD) nsenter --net="$CNI_NETNS" sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0; echo \'{"cniVersion":"1.0.0"}\' ;;',
    '  VERSION) echo \'{"cniVersion":"1.0.0","supportedVersions":["1.0.0"]}\' ;;',
    'esac',
    '',
  ].join('\n'),
} as const;

/** Folder of the plugins that are not built but written. */
export function pluginFolder(plan: ClusterPlan): string {
  return join(plan.paths.root, 'cni-plugins');
}

/** containerd writes below its own folder only: two of them, and `down`, must not meet in /run or /var/lib. */
export function containerdConfig(plan: ClusterPlan, programs: GoFolders): string {
  const { containerd, containerdSocket } = plan.paths;
  const table = (name: string, entries: Readonly<Record<string, unknown>>) =>
    [`[${name}]`, ...Object.entries(entries).map(([key, value]) => `${key} = ${JSON.stringify(value)}`), ''].join('\n');
  const cri = "plugins.'io.containerd.cri.v1.runtime'";
  return [
    `version = 3\nroot = ${JSON.stringify(join(containerd, 'root'))}\nstate = ${JSON.stringify(join(containerd, 'state'))}\n`,
    table('grpc', { address: containerdSocket }),
    // restrict_oom_score_adj: root here may lack CAP_SYS_RESOURCE and cannot lower a score. netns_mounts_under_state_dir: not in /run/netns.
    table(cri, { restrict_oom_score_adj: true, disable_apparmor: true, netns_mounts_under_state_dir: true }),
    table(`${cri}.cni`, {
      bin_dirs: [programs.cni, pluginFolder(plan)],
      conf_dir: cniFolder(plan),
      use_internal_loopback: true,
    }),
    table(`${cri}.containerd`, { default_runtime_name: 'runc' }),
    table(`${cri}.containerd.runtimes.runc`, { runtime_type: 'io.containerd.runc.v2' }),
    table(`${cri}.containerd.runtimes.runc.options`, { Root: join(containerd, 'runc'), SystemdCgroup: false }),
    table("plugins.'io.containerd.cri.v1.images'.pinned_images", { sandbox: pauseImage }),
    table("plugins.'io.containerd.nri.v1.nri'", { disable: true }),
    table("plugins.'io.containerd.internal.v1.opt'", { path: join(containerd, 'opt') }),
  ].join('\n');
}

export function kubeletConfig(plan: ClusterPlan): string {
  return json({
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: {
      x509: { clientCAFile: join(plan.paths.pki, 'ca.crt') },
      webhook: { enabled: true },
      anonymous: { enabled: false },
    },
    authorization: { mode: 'Webhook' },
    cgroupDriver: 'cgroupfs',
    cgroupRoot: plan.cgroup,
    failCgroupV1: false,
    failSwapOn: false,
    // As above: a score below 0 needs CAP_SYS_RESOURCE.
    oomScoreAdj: 0,
    clusterDNS: [plan.subnets.dnsService.v4],
    clusterDomain: 'cluster.local',
    containerRuntimeEndpoint: `unix://${plan.paths.containerdSocket}`,
    resolvConf: join(plan.paths.root, 'resolv.conf'),
    podLogsDir: join(plan.paths.root, 'pod-logs'),
    // No registry: an image that is collected cannot come back. A disk that is nearly full evicts nothing until it is full.
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    evictionHard: { 'nodefs.available': '1%', 'imagefs.available': '1%', 'memory.available': '100Mi' },
    serializeImagePulls: false,
    maxPods: 250,
    kubeAPIQPS: 400,
    kubeAPIBurst: 800,
    // A ConfigMap's or Secret's change reaches a mounted file within this time (default: a minute).
    syncFrequency: '5s',
    nodeStatusUpdateFrequency: '5s',
  });
}

export function kubeProxyConfig(plan: ClusterPlan, kubeconfig: string): string {
  return json({
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'nftables',
    clusterCIDR: `${plan.subnets.pods.v4},${plan.subnets.pods.v6}`,
    hostnameOverride: plan.node,
    clientConnection: { kubeconfig },
    // Zeros: leave the connection table's limits alone, they are the machine's and not the namespace's.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
    oomScoreAdj: 0,
  });
}

/** A kubeconfig with everything in it (JSON is YAML). `pem`: contents, not paths. */
export function kubeconfig(plan: ClusterPlan, pem: { ca: string; cert: string; key: string }): string {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const context = `heddle-${plan.name}`;
  return json({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: context, cluster: { server: apiUrl(plan), 'certificate-authority-data': base64(pem.ca) } }],
    users: [
      { name: context, user: { 'client-certificate-data': base64(pem.cert), 'client-key-data': base64(pem.key) } },
    ],
    contexts: [{ name: context, context: { cluster: context, user: context } }],
    'current-context': context,
  });
}

export function apiUrl(plan: ClusterPlan): string {
  return `https://${plan.subnets.link.nodeV4}:6443`;
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
