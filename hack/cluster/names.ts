import { join } from 'node:path';
import { type Subnets, subnetsOf } from './subnets.ts';

/** Everything on this machine that bears a cluster's name. Knowing the name and the slot is enough to find and remove all of it. */
export interface ClusterPlan {
  readonly name: string;
  readonly subnets: Subnets;
  /** Name of the network namespace, and its file. */
  readonly netns: string;
  readonly netnsFile: string;
  /** The machine's end of the wire. An interface's name has 15 characters at most. */
  readonly link: string;
  /** Path below every cgroup hierarchy's root, with a leading slash. */
  readonly cgroup: string;
  /** The node's name in Kubernetes. */
  readonly node: string;
  /** Name of the pod network: files under /var/lib/cni bear it. */
  readonly network: string;
  readonly paths: ClusterPaths;
}

export interface ClusterPaths {
  /** Removed whole by `down`. */
  readonly root: string;
  readonly kubeconfig: string;
  readonly pki: string;
  readonly logs: string;
  readonly processes: string;
  readonly containerd: string;
  readonly containerdSocket: string;
}

/** A name that can be part of a namespace, a cgroup, a folder and a context; 24 characters at most (a socket's path has 107). */
const NAME = /^[a-z](?:[a-z0-9-]{0,22}[a-z0-9])?$/;

/** Throws unless `name` can name a cluster. */
export function checkClusterName(name: string): string {
  if (NAME.test(name)) return name;
  throw new Error(
    `a cluster's name is 1 to 24 lower-case letters, digits and inner dashes, beginning with a letter; not ${JSON.stringify(name)}`,
  );
}

/** Folder of a cluster, whether it exists or not. */
export function clusterRoot(state: string, name: string): string {
  return join(state, 'clusters', checkClusterName(name));
}

export function planCluster(state: string, name: string, slot: number): ClusterPlan {
  const root = clusterRoot(state, name);
  const netns = `heddle-${name}`;
  return {
    name,
    subnets: subnetsOf(slot),
    netns,
    netnsFile: `/run/netns/${netns}`,
    link: `heddle${slot}`,
    cgroup: `/heddle-${name}`,
    node: name,
    network: `heddle-${name}`,
    paths: {
      root,
      kubeconfig: join(root, 'kubeconfig'),
      pki: join(root, 'pki'),
      logs: join(root, 'logs'),
      processes: join(root, 'processes'),
      containerd: join(root, 'containerd'),
      containerdSocket: join(root, 'containerd', 'sock'),
    },
  };
}
