import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type Api, createApi } from './api.ts';
import { kubeconfigOf, type PartName, partArguments } from './arguments.ts';
import {
  apiUrl,
  cniConfig,
  cniFolder,
  containerdConfig,
  kubeconfig,
  kubeletConfig,
  kubeProxyConfig,
  pauseImage,
  pluginFolder,
  quickAddress,
} from './configs.ts';
import { createContainerd } from './containerd.ts';
import { applyDns, dnsImage } from './dns.ts';
import type { GoFolders } from './go-build.ts';
import type { ClusterPlan } from './names.ts';
import { insideNetwork } from './network.ts';
import { readParts, startPart } from './processes.ts';
import type { Progress } from './progress.ts';
import { lastLines } from './run.ts';
import { scratchArchive } from './scratch-image.ts';
import { answers } from './sockets.ts';

/** A cold machine under load is slow; a part that needs longer than this is broken. */
const PART_DEADLINE_MS = 90_000;
const ASK_AGAIN_MS = 40;

/** What starting needs beside the plan. */
export interface StartContext {
  readonly plan: ClusterPlan;
  readonly programs: GoFolders;
  readonly cache: string;
  /** cgroup files that a part writes itself into. */
  readonly joinFiles: readonly string[];
  readonly progress: Progress;
}

/** Writes every file the parts read. The certificates must be there. */
export async function writeConfigs(plan: ClusterPlan, programs: GoFolders): Promise<void> {
  const { root, pki, logs, kubeconfig: admin } = plan.paths;
  await Promise.all([cniFolder(plan), pluginFolder(plan), logs].map((folder) => mkdir(folder, { recursive: true })));
  const pem = async (client: string) => {
    const [ca = '', cert = '', key = ''] = await Promise.all(
      ['ca.crt', `${client}.crt`, `${client}.key`].map((file) => readFile(join(pki, file), 'utf8')),
    );
    return { ca, cert, key };
  };
  const clients = ['node', 'controller-manager', 'scheduler', 'proxy'];
  await Promise.all([
    writeFile(join(cniFolder(plan), '10-heddle.conflist'), cniConfig(plan)),
    writeFile(join(pluginFolder(plan), quickAddress.name), quickAddress.script, { mode: 0o755 }),
    writeFile(join(root, 'containerd.toml'), containerdConfig(plan, programs)),
    writeFile(join(root, 'kubelet.yaml'), kubeletConfig(plan)),
    writeFile(join(root, 'kube-proxy.yaml'), kubeProxyConfig(plan, kubeconfigOf(plan, 'proxy'))),
    writeFile(join(root, 'resolv.conf'), ''),
    writeFile(admin, kubeconfig(plan, await pem('admin')), { mode: 0o600 }),
    ...clients.map(async (client) =>
      writeFile(kubeconfigOf(plan, client), kubeconfig(plan, await pem(client)), { mode: 0o600 }),
    ),
  ]);
}

/** Starts the parts in an order in which none waits for a retry, and ends when the node is Ready and DNS applied. */
export async function startParts(context: StartContext): Promise<void> {
  const { plan, progress } = context;
  await Promise.all([start(context, 'etcd'), start(context, 'containerd')]);
  await start(context, 'kube-apiserver');
  const api = await openApi(plan);
  try {
    await Promise.all([
      progress.step('API server ready', () =>
        until(context, 'kube-apiserver', async () => (await api.get('/readyz')).status === 200),
      ),
      progress.step('containerd ready, own images imported', () => prepareContainerd(context)),
    ]);
    await Promise.all(
      (['kube-controller-manager', 'kube-scheduler', 'kube-proxy', 'kubelet'] as const).map((part) =>
        start(context, part),
      ),
    );
    await applyDns(api, plan);
    await progress.step('node Ready', () => until(context, 'kubelet', () => nodeReady(api, plan)));
  } finally {
    api.close();
  }
}

export async function openApi(plan: ClusterPlan): Promise<Api> {
  const [ca = '', cert = '', key = ''] = await Promise.all(
    ['ca.crt', 'admin.crt', 'admin.key'].map((file) => readFile(join(plan.paths.pki, file), 'utf8')),
  );
  return createApi({ url: apiUrl(plan), ca, cert, key });
}

/** Whether the node's Ready condition is True. */
export async function nodeReady(api: Api, plan: ClusterPlan): Promise<boolean> {
  const answer = await api.get(`/api/v1/nodes/${plan.node}`);
  if (answer.status !== 200) return false;
  const node = JSON.parse(answer.body) as { status?: { conditions?: { type: string; status: string }[] } };
  return (
    node.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false
  );
}

async function prepareContainerd(context: StartContext): Promise<void> {
  const { plan, programs, cache } = context;
  const user = '65532:65532';
  const archives = [
    await scratchArchive(cache, { name: pauseImage, program: join(programs.pause, 'pause'), user }),
    await scratchArchive(cache, { name: dnsImage, program: join(programs.dns, 'dns'), user }),
  ];
  await until(context, 'containerd', () => answers(plan.paths.containerdSocket));
  const containerd = createContainerd(plan, programs);
  for (const archive of archives) await containerd.importImages(archive);
}

async function start(context: StartContext, part: PartName): Promise<void> {
  const { plan, programs, joinFiles } = context;
  const program = join(part === 'containerd' ? programs.cri : programs.kube, part);
  const command = [...insideNetwork(plan), program, ...partArguments(part, plan)];
  const log = logOf(plan, part);
  await appendFile(log, `# ${command.join(' ')}\n`);
  await startPart(
    { name: part, command, log, pathFirst: [programs.cri, programs.kube] },
    joinFiles,
    plan.paths.processes,
  );
}

/** Asks until `probe` says yes. Any part that ended, or a deadline, is an error with that part's log. A probe that fails counts as no. */
async function until(context: StartContext, part: PartName, probe: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + PART_DEADLINE_MS;
  for (;;) {
    if (await probe().catch(() => false)) return;
    const ended = (await readParts(context.plan.paths.processes)).find((state) => !state.running);
    if (ended) throw await partError(context.plan, ended.name, 'ended while the cluster was starting');
    if (Date.now() > deadline)
      throw await partError(context.plan, part, `was not ready after ${PART_DEADLINE_MS / 1000} s`);
    await wait(ASK_AGAIN_MS);
  }
}

async function partError(plan: ClusterPlan, part: string, what: string): Promise<Error> {
  const log = logOf(plan, part);
  const text = await readFile(log, 'utf8').catch(() => '(no log)');
  return new Error(
    `${part} of cluster ${plan.name} ${what}. The end of its log, ${log}:\n${lastLines(text, 12)}\n` +
      `  Everything is left as it is to be looked at; npm run cluster -- down --name ${plan.name} removes it, up begins anew.`,
  );
}

function logOf(plan: ClusterPlan, part: string): string {
  return join(plan.paths.logs, `${part}.log`);
}
