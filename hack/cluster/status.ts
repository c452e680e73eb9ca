import type { Api } from './api.ts';
import { processesIn } from './cgroups.ts';
import type { ClusterPlan } from './names.ts';
import { readParts } from './processes.ts';
import { openApi } from './start.ts';

export interface ClusterStatus {
  readonly name: string;
  /** `up`: every part runs and the node is Ready; `broken`: some of it exists; `absent`: nothing does. */
  readonly state: 'up' | 'broken' | 'absent';
  readonly kubeconfig: string | undefined;
  /** Each part or node and its state, in words. */
  readonly parts: Readonly<Record<string, string>>;
  /** Processes of the cluster on this machine, pods' included; undefined where they cannot be counted. */
  readonly processes: number | undefined;
  /** Running of all pods. */
  readonly pods: { readonly running: number; readonly all: number } | undefined;
}

export async function statusOwn(plan: ClusterPlan | undefined, name: string): Promise<ClusterStatus> {
  if (!plan) return { name, state: 'absent', kubeconfig: undefined, parts: {}, processes: 0, pods: undefined };
  const states = await readParts(plan.paths.processes);
  const parts: Record<string, string> = Object.fromEntries(
    states.map((part) => [part.name, part.running ? `running, process ${part.pid}` : 'ended']),
  );
  const seen = await ask(plan);
  parts['node'] = seen.node;
  const up = states.length > 0 && states.every((part) => part.running) && seen.node === 'Ready';
  const processes = (await processesIn(plan.cgroup)).length;
  return { name, state: up ? 'up' : 'broken', kubeconfig: plan.paths.kubeconfig, parts, processes, pods: seen.pods };
}

async function ask(plan: ClusterPlan): Promise<{ node: string; pods: ClusterStatus['pods'] }> {
  let api: Api | undefined;
  try {
    api = await openApi(plan);
    const [node, pods] = await Promise.all([
      read<NodeBody>(api, `/api/v1/nodes/${plan.node}`),
      read<PodsBody>(api, '/api/v1/pods'),
    ]);
    const ready = node.status?.conditions?.find((condition) => condition.type === 'Ready');
    const phases = (pods.items ?? []).map((pod) => pod.status?.phase);
    return {
      node: ready?.status === 'True' ? 'Ready' : `not Ready: ${ready?.message ?? 'the kubelet has not said why'}`,
      pods: { running: phases.filter((phase) => phase === 'Running').length, all: phases.length },
    };
  } catch (error) {
    return { node: `not asked: ${error instanceof Error ? error.message : String(error)}`, pods: undefined };
  } finally {
    api?.close();
  }
}

interface NodeBody {
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[];
  };
}

interface PodsBody {
  readonly items?: readonly { readonly status?: { readonly phase?: string } }[];
}

async function read<T>(api: Api, path: string): Promise<T> {
  const answer = await api.get(path);
  if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}`);
  return JSON.parse(answer.body) as T;
}
