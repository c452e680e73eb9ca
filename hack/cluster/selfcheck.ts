import { spawn } from 'node:child_process';
import { Resolver } from 'node:dns/promises';
import { existsSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { processesIn } from './cgroups.ts';
import { countLeftovers, findLeftovers, type Leftovers, networksOf } from './leftovers.ts';
import type { ClusterPlan } from './names.ts';
import { downOwn, findPlan, isUp, upOwn } from './own.ts';
import { homes } from './paths.ts';
import { readParts } from './processes.ts';
import { createProgress, type Progress } from './progress.ts';

/** One thing that was looked at, and what was seen. */
export interface Check {
  readonly name: string;
  readonly passed: boolean;
  readonly seen: string;
}

export interface SelfcheckResult {
  readonly passed: number;
  readonly failed: number;
  readonly checks: readonly Check[];
  /** Seconds. */
  readonly figures: Readonly<Record<string, number>>;
  /** What each cluster left, by its name. */
  readonly left: Readonly<Record<string, ReturnType<typeof countLeftovers>>>;
}

const DNS_DEADLINE_MS = 60_000;
const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

/**
 * Two clusters side by side come up, do not disturb each other, and go down without a trace: one in order, one after all its parts were killed.
 * A third is cut off in the middle of `up`. Names begin with `check-`.
 */
export async function selfcheck(progress: Progress = createProgress()): Promise<SelfcheckResult> {
  const home = homes();
  const checks: Check[] = [];
  const figures: Record<string, number> = {};
  const left: Record<string, ReturnType<typeof countLeftovers>> = {};
  const check = (name: string, passed: boolean, seen: string) => void checks.push({ name, passed, seen });
  const timed = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const began = performance.now();
    const result = await work();
    figures[name] = Number(((performance.now() - began) / 1000).toFixed(2));
    return result;
  };
  const gone = async (plan: ClusterPlan, networks: ReadonlySet<string>) => {
    const found = await findLeftovers(plan, networks);
    left[plan.name] = countLeftovers(found);
    check(`cluster ${plan.name} left nothing`, total(found) === 0, JSON.stringify(found));
  };

  const names = ['check-a', 'check-b'] as const;
  try {
    const [a, b] = await timed('upBoth', () =>
      Promise.all([upOwn(home, names[0], progress), upOwn(home, names[1], progress)]),
    );
    check(
      'two clusters have their own addresses',
      a.subnets.slot !== b.subnets.slot,
      `slots ${a.subnets.slot} and ${b.subnets.slot}`,
    );
    for (const plan of [a, b]) check(`DNS of ${plan.name} answers on both families`, ...(await dnsAnswers(plan)));
    const networks = new Map([
      [a.name, await networksOf(await processesIn(a.cgroup))],
      [b.name, await networksOf(await processesIn(b.cgroup))],
    ]);
    check(
      'the search for leftovers sees a running cluster',
      sees(await findLeftovers(a, networks.get(a.name))),
      JSON.stringify(countLeftovers(await findLeftovers(a))),
    );

    await timed('downInOrder', () => downOwn(home, a.name, progress));
    await gone(a, networks.get(a.name) ?? new Set());
    check(
      'the other cluster goes on',
      (await isUp(b)) && (await dnsAnswers(b))[0],
      `${b.name} after ${a.name} is gone`,
    );

    await killParts(b);
    check(
      'a killed cluster has processes left to remove',
      (await processesIn(b.cgroup)).length > 0,
      `${(await processesIn(b.cgroup)).length} processes`,
    );
    await timed('downAfterKill', () => downOwn(home, b.name, progress));
    await gone(b, networks.get(b.name) ?? new Set());

    const half = await cutOff('check-half');
    check(
      'a cluster that was cut off while starting is found',
      half !== undefined,
      half ? `slot ${half.subnets.slot}` : 'no slot',
    );
    await timed('downAfterCutOff', () => downOwn(home, 'check-half', progress));
    if (half) await gone(half, new Set());
    const again = await timed('upAgain', () => upOwn(home, 'check-half', progress));
    check('the same name comes up again', await isUp(again), again.paths.root);
    const last = await networksOf(await processesIn(again.cgroup));
    await downOwn(home, again.name, progress);
    await gone(again, last);
  } finally {
    for (const name of [...names, 'check-half']) await downOwn(home, name, progress);
  }
  const passed = checks.filter((one) => one.passed).length;
  return { passed, failed: checks.length - passed, checks, figures, left };
}

/** Asks the cluster's DNS Service, at its address of each family, for a name: proves pods, Services, routes and kube-proxy at once. */
async function dnsAnswers(plan: ClusterPlan): Promise<[boolean, string]> {
  const { v4, v6 } = plan.subnets.dnsService;
  const deadline = Date.now() + DNS_DEADLINE_MS;
  for (;;) {
    try {
      const [one, six] = await Promise.all([
        resolver(v4).resolve4('kube-dns.kube-system.svc.cluster.local'),
        resolver(`[${v6}]`).resolve6('kube-dns.kube-system.svc.cluster.local'),
      ]);
      return [one[0] === v4 && six[0] === v6, `${one} ${six}`];
    } catch (error) {
      if (Date.now() > deadline) return [false, String(error)];
      await wait(100);
    }
  }
}

function resolver(server: string): Resolver {
  const resolver = new Resolver({ timeout: 500, tries: 1 });
  resolver.setServers([server]);
  return resolver;
}

/** SIGKILL for everything that was recorded as a part: what a crash or an impatient person does. Pods and their shims stay. */
async function killParts(plan: ClusterPlan): Promise<void> {
  for (const part of await readParts(plan.paths.processes)) if (part.running) process.kill(part.pid, 'SIGKILL');
  while ((await readParts(plan.paths.processes)).some((part) => part.running)) await wait(10);
}

/** Starts `up` as a process and kills it as soon as the API server was started. */
async function cutOff(name: string): Promise<ClusterPlan | undefined> {
  const child = spawn(process.execPath, [MAIN, 'up', '--name', name], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const started = async () => {
    const plan = await findPlan(homes(), name);
    return (
      plan !== undefined &&
      existsSync(plan.paths.processes) &&
      (await readParts(plan.paths.processes)).some((part) => part.name === 'kube-apiserver')
    );
  };
  while (child.exitCode === null && !(await started())) await wait(5);
  child.kill('SIGKILL');
  await ended;
  return findPlan(homes(), name);
}

function total(left: Leftovers): number {
  return Object.values(countLeftovers(left)).reduce((sum, count) => sum + count, 0);
}

/** Every kind but files in the log folder must be seen, or a clean result would mean nothing. */
function sees(left: Leftovers): boolean {
  const counts = countLeftovers(left);
  return Object.values(counts).every((count) => count > 0);
}

if (import.meta.main) {
  const result = await selfcheck();
  for (const { name, passed, seen } of result.checks)
    process.stdout.write(`${passed ? 'ok  ' : 'FAIL'} ${name}${passed ? '' : `: ${seen}`}\n`);
  process.stdout.write(
    `${JSON.stringify({ figures: result.figures, left: result.left })}\n${result.passed} passed, ${result.failed} failed\n`,
  );
  if (result.failed > 0) process.exitCode = 1;
}
