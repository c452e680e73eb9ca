import { join } from 'node:path';
import type { ClusterPlan } from './names.ts';

/** The parts of a node, in the order they start. */
export const partNames = [
  'etcd',
  'containerd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kube-proxy',
  'kubelet',
] as const;
export type PartName = (typeof partNames)[number];

/** Arguments of each part. Pure: paths and addresses come from the plan alone. */
export function partArguments(part: PartName, plan: ClusterPlan): readonly string[] {
  return builders[part](plan);
}

const ETCD = 'http://127.0.0.1:2379';
const ETCD_PEER = 'http://127.0.0.1:2380';

const builders: Readonly<Record<PartName, (plan: ClusterPlan) => readonly string[]>> = {
  etcd: (plan) => [
    `--data-dir=${join(plan.paths.root, 'etcd')}`,
    // A cluster that is thrown away does not need its data after a power cut; without, start is seconds slower on slow disks.
    '--unsafe-no-fsync',
    `--listen-client-urls=${ETCD}`,
    `--advertise-client-urls=${ETCD}`,
    `--listen-peer-urls=${ETCD_PEER}`,
    `--initial-advertise-peer-urls=${ETCD_PEER}`,
    `--initial-cluster=default=${ETCD_PEER}`,
  ],
  containerd: (plan) => [`--config=${join(plan.paths.root, 'containerd.toml')}`],
  'kube-apiserver': apiServer,
  'kube-controller-manager': (plan) => [
    `--kubeconfig=${kubeconfigOf(plan, 'controller-manager')}`,
    `--service-account-private-key-file=${pki(plan, 'sa.key')}`,
    `--root-ca-file=${pki(plan, 'ca.crt')}`,
    `--cluster-signing-cert-file=${pki(plan, 'ca.crt')}`,
    `--cluster-signing-key-file=${pki(plan, 'ca.key')}`,
    '--use-service-account-credentials=true',
    '--leader-elect=false',
    '--bind-address=127.0.0.1',
    `--cluster-cidr=${both(plan.subnets.pods)}`,
    // The one node gets all of it, and says so in spec.podCIDRs, as nodes elsewhere do: meshes and others read there where pods are.
    '--allocate-node-cidrs=true',
    `--node-cidr-mask-size-ipv4=${maskOf(plan.subnets.pods.v4)}`,
    `--node-cidr-mask-size-ipv6=${maskOf(plan.subnets.pods.v6)}`,
    `--service-cluster-ip-range=${both(plan.subnets.services)}`,
    '--kube-api-qps=400',
    '--kube-api-burst=800',
  ],
  'kube-scheduler': (plan) => [
    `--kubeconfig=${kubeconfigOf(plan, 'scheduler')}`,
    '--leader-elect=false',
    '--bind-address=127.0.0.1',
    '--kube-api-qps=400',
    '--kube-api-burst=800',
  ],
  'kube-proxy': (plan) => [`--config=${join(plan.paths.root, 'kube-proxy.yaml')}`],
  kubelet: (plan) => [
    `--config=${join(plan.paths.root, 'kubelet.yaml')}`,
    `--kubeconfig=${kubeconfigOf(plan, 'node')}`,
    `--hostname-override=${plan.node}`,
    `--node-ip=${plan.subnets.link.nodeV4},${plan.subnets.link.nodeV6}`,
    `--root-dir=${join(plan.paths.root, 'kubelet')}`,
    `--cert-dir=${join(plan.paths.root, 'kubelet', 'pki')}`,
  ],
};

function apiServer(plan: ClusterPlan): readonly string[] {
  return [
    `--etcd-servers=${ETCD}`,
    `--advertise-address=${plan.subnets.link.nodeV4}`,
    '--secure-port=6443',
    `--service-cluster-ip-range=${both(plan.subnets.services)}`,
    `--client-ca-file=${pki(plan, 'ca.crt')}`,
    `--tls-cert-file=${pki(plan, 'apiserver.crt')}`,
    `--tls-private-key-file=${pki(plan, 'apiserver.key')}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${pki(plan, 'sa.pub')}`,
    `--service-account-signing-key-file=${pki(plan, 'sa.key')}`,
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    '--allow-privileged=true',
    // exec, logs and port-forward would otherwise look the node's name up in a DNS that does not know it.
    '--kubelet-preferred-address-types=InternalIP',
    `--kubelet-client-certificate=${pki(plan, 'kubelet-client.crt')}`,
    `--kubelet-client-key=${pki(plan, 'kubelet-client.key')}`,
    `--requestheader-client-ca-file=${pki(plan, 'ca.crt')}`,
    `--proxy-client-cert-file=${pki(plan, 'front-proxy.crt')}`,
    `--proxy-client-key-file=${pki(plan, 'front-proxy.key')}`,
    '--requestheader-allowed-names=front-proxy-client',
    '--requestheader-username-headers=X-Remote-User',
    '--requestheader-group-headers=X-Remote-Group',
    '--requestheader-extra-headers-prefix=X-Remote-Extra-',
  ];
}

/** Kubeconfig file of one of the cluster's own clients, named as its certificate. */
export function kubeconfigOf(plan: ClusterPlan, client: string): string {
  return join(plan.paths.root, `${client}.kubeconfig`);
}

function pki(plan: ClusterPlan, file: string): string {
  return join(plan.paths.pki, file);
}

const maskOf = (range: string): string => range.split('/')[1] ?? '';

function both(range: { v4: string; v6: string }): string {
  return `${range.v4},${range.v6}`;
}
