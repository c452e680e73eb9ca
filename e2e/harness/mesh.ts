import type { V1Pod, V1PodList } from '@kubernetes/client-node';
import { type ClusterPlan, clusterPlan, findProcess } from '../../hack/cluster/cluster.ts';
import { createKubectl, eventually, getJson, type Kubectl } from '../../hack/mesh/kubectl.ts';
import { parseMetrics, type Sample } from '../../hack/mesh/metrics.ts';
import { type Tester, testerAt } from '../../hack/mesh/tester.ts';
import { PORTS } from '../../proxy/contract/bootstrap.ts';
import { type Manifest, namespaceManifest } from './manifests.ts';

/** The cluster of the suites; beside the demo's, so that both can be up. */
export const CLUSTER = process.env['HEDDLE_E2E_CLUSTER'] ?? 'heddle-test';

/** What a suite works with. */
export interface Mesh {
  readonly kubectl: Kubectl;
  readonly plan: ClusterPlan;
  apply(...manifests: Manifest[]): Promise<void>;
  /** A fresh namespace; an older one of that name is removed first. */
  namespace(name: string, labels?: Readonly<Record<string, string>>): Promise<void>;
  removeNamespace(name: string): Promise<void>;
  /** Waits until all Deployments of the namespace are available. */
  available(namespace: string, timeoutSeconds?: number): Promise<void>;
  pods(namespace: string, selector: string): Promise<V1Pod[]>;
  /** The control port of the first ready pod behind `app=<app>`. */
  tester(namespace: string, app: string): Promise<Tester>;
  metrics(pod: V1Pod): Promise<Sample[]>;
  /** Waits for a condition of one of our kinds: `meshpolicy/payment`. */
  condition(namespace: string, object: string, condition: string, timeoutSeconds?: number): Promise<void>;
  /** Process id of a container's main process on this machine. */
  pid(namespace: string, pod: string, container: string): Promise<number>;
}

export async function openMesh(): Promise<Mesh> {
  const kubectl = await createKubectl({ name: CLUSTER });
  const plan = await clusterPlan(CLUSTER);

  const pods = async (namespace: string, selector: string): Promise<V1Pod[]> =>
    (await getJson<V1PodList>(kubectl, ['-n', namespace, 'pods', '-l', selector]))?.items ?? [];

  // Not waited for at the end of a suite: the namespace controller looks again only after half of the pods' grace period.
  const removeNamespace = async (name: string, wait = false): Promise<void> => {
    await kubectl(['delete', 'namespace', name, '--ignore-not-found', `--wait=${wait}`, '--timeout=120s']);
  };

  return {
    kubectl,
    plan,
    pods,
    removeNamespace,
    apply: async (...manifests) => {
      const list = { apiVersion: 'v1', kind: 'List', items: manifests };
      await kubectl(['apply', '-f', '-'], { input: JSON.stringify(list) });
    },
    namespace: async (name, labels = { 'heddle.dev/inject': 'enabled' }) => {
      await removeNamespace(name, true);
      await kubectl(['create', '-f', '-'], { input: JSON.stringify(namespaceManifest(name, labels)) });
    },
    available: async (namespace, timeoutSeconds = 120) => {
      await kubectl([
        '-n',
        namespace,
        'wait',
        '--for=condition=Available',
        'deployment',
        '--all',
        `--timeout=${timeoutSeconds}s`,
      ]);
    },
    tester: async (namespace, app) => {
      const pod = await eventually(`a ready pod app=${app} in ${namespace}`, async () =>
        (await pods(namespace, `app=${app}`)).find(isReady),
      );
      return testerAt(addressOf(pod));
    },
    metrics: async (pod) => {
      const response = await fetch(`http://${addressOf(pod)}:${PORTS.metrics}/metrics`);
      return parseMetrics(await response.text());
    },
    condition: async (namespace, object, condition, timeoutSeconds = 30) => {
      await kubectl(['-n', namespace, 'wait', `--for=condition=${condition}`, object, `--timeout=${timeoutSeconds}s`]);
    },
    pid: async (namespace, pod, container) => {
      const found = await findProcess({ namespace, pod, container }, CLUSTER);
      if (found === undefined) throw new Error(`no process of container ${container} in ${namespace}/${pod}`);
      return found.pid;
    },
  };
}

export function addressOf(pod: V1Pod): string {
  const address = pod.status?.podIP;
  if (address === undefined) throw new Error(`pod ${pod.metadata?.name} has no address yet`);
  return address.includes(':') ? `[${address}]` : address;
}

export function isReady(pod: V1Pod): boolean {
  return (
    pod.metadata?.deletionTimestamp === undefined &&
    (pod.status?.conditions ?? []).some((condition) => condition.type === 'Ready' && condition.status === 'True')
  );
}
