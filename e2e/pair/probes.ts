import { strict as assert } from 'node:assert';
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { get } from 'node:http';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import type { Probe } from '../../proxy/contract/bootstrap.ts';
import type { Load, LoadEnd } from './probes/load.ts';
import type { ProxyProcess, Scheduled } from './proxy-process.ts';
import type { Report } from './report.ts';
import { createWorld, type World } from './world.ts';

const HTTP = 80;
const LOAD = fileURLToPath(new URL('probes/load.ts', import.meta.url));
const APPLICATION = fileURLToPath(new URL('probes/application.ts', import.meta.url));
const PROBE = '/probe/app/readiness/0123456789abcdef0123456789abcdef';
/** What the issue allows at five times the load that fills a core. */
const P99_MS = 250;
/** Only so that a run ends: the kubelet's second is within the bound. */
const TIMEOUT_MS = 10_000;
const MEASURE_MS = 1_500;
/** Of each load: `HEDDLE_PROBES_MS`. */
const LOADED_MS = Number(process.env['HEDDLE_PROBES_MS'] ?? 3_000);
/** Connections of the load: enough to keep a proxy busy, and five times as many. */
const CONNECTIONS = 64;
/** Of each kind: a pod with ten probes of the shortest period that Kubernetes takes, a second. */
const PROBES_A_SECOND = 5;

/** The kubelet asks while the proxies have five times the load that they can serve: nobody's application is killed for it. */
export async function probes(report: Report): Promise<void> {
  const application = await startApplicationProcess();
  const probe: Probe = {
    path: PROBE,
    port: application.port,
    timeoutSeconds: TIMEOUT_MS / 1_000,
    action: { kind: 'http', scheme: 'HTTP', path: '/health', headers: [] },
  };
  const world = await createWorld({
    doors: [{ port: HTTP, application: application.port }],
    permissive: [application.port],
    probes: [probe],
    accessLog: 'Errors',
  });
  try {
    for (const place of placesOf(world, application.port)) await check(report, world, place);
  } finally {
    world.stop();
    application.child.kill('SIGKILL');
  }
}

interface Place {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

/** In front of the caller's proxy, so that both are busy, and in front of the callee's alone. */
function placesOf(world: World, application: number): Place[] {
  return [
    { name: 'through both proxies', host: `127.1.0.${HTTP}`, port: world.order.ports['outbound']! },
    { name: 'plaintext to the inbound side', host: world.inbound.address(application), port: world.inbound.port },
  ];
}

async function check(report: Report, world: World, place: Place): Promise<void> {
  const { name, host, port } = place;
  await report.check(`probes under five times the load, ${name}`, async () => {
    const full = await run({ host, port, ms: MEASURE_MS, connections: CONNECTIONS, perSecond: 0 });
    const capacity = (full.answered / full.ms) * 1_000;
    assert.ok(capacity > 100, `only ${capacity} requests a second were answered`);
    const closed = await underLoad(world, { host, port, ms: LOADED_MS, connections: 5 * CONNECTIONS, perSecond: 0 });
    const open = await underLoad(world, {
      host,
      port,
      ms: LOADED_MS,
      connections: 5 * CONNECTIONS,
      perSecond: 5 * capacity,
    });
    return `${Math.round(capacity)} requests/s fill it; ${5 * CONNECTIONS} connections: ${closed}; 5 times the rate: ${open}`;
  });
}

/** Runs the load and asks all the time; answers the figures. */
async function underLoad(world: World, load: Load): Promise<string> {
  const before = [world.order, world.payment].map((proxy) => proxy.scheduled());
  const running = run(load);
  const until = performance.now() + load.ms - 500;
  const asked = await Promise.all(targetsOf(world).map((target) => askAll(target, until)));
  const end = await running;
  const shares = [world.order, world.payment].map((proxy, index) => shareOf(proxy.scheduled(), before[index]!));
  const used = shares.map(
    ({ ran, share }) => `${percent(ran / end.ms)} % of a core (${percent(share)} % of what it wanted)`,
  );
  const sent = `${rate(end.offered, end)} offered, ${rate(end.answered, end)} answered, ${rate(end.heldBack, end)} held back a second, proxies ${used.join(' and ')}`;
  const times = asked.map(({ name, p99, count }) => `${name} p99 ${p99.toFixed(0)} ms of ${count}`);
  const figures = `${sent}; ${times.join('; ')}`;
  for (const { name, failed, p99, proxy } of asked) {
    assert.equal(failed, 0, `${failed} probes (${name}) failed: ${figures}`);
    // What other programs of the machine took is not the proxy's doing: a proxy with a core to itself answers that much sooner.
    const { share } = shares[proxy === world.order ? 0 : 1]!;
    assert.ok(p99 * share <= P99_MS, figures);
  }
  return figures;
}

/** Of the time in which its main thread was not idle: the part in which it had a core. */
function shareOf(now: Scheduled, before: Scheduled): { ran: number; share: number } {
  const ran = now.ranMs - before.ranMs;
  const waited = now.waitedMs - before.waitedMs;
  return { ran, share: ran + waited === 0 ? 1 : ran / (ran + waited) };
}

const percent = (part: number): number => Math.round(part * 100);

interface Asked {
  readonly name: string;
  readonly proxy: ProxyProcess;
  readonly path: string;
}

/** The sidecars' own probes, and the application's, which the callee's proxy runs. */
function targetsOf(world: World): Asked[] {
  return [
    { name: "the caller's proxy", proxy: world.order, path: '/ready' },
    { name: "the callee's proxy", proxy: world.payment, path: '/ready' },
    { name: 'the application', proxy: world.payment, path: PROBE },
  ];
}

const rate = (count: number, end: LoadEnd): number => Math.round((count / end.ms) * 1_000);

/** On schedule, whatever became of those before: as the kubelets of a node ask. */
async function askAll(target: Asked, until: number) {
  const answers: Promise<number | undefined>[] = [];
  for (let due = performance.now(); due < until; due += 1_000 / PROBES_A_SECOND) {
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
    answers.push(ask(target.proxy.ports['health']!, target.path));
  }
  const took = await Promise.all(answers);
  const good = took.filter((one) => one !== undefined).sort((left, right) => left - right);
  const p99 = good[Math.floor(good.length * 0.99)] ?? Number.POSITIVE_INFINITY;
  return { ...target, count: took.length, failed: took.length - good.length, p99 };
}

/** Undefined: no 200 in time. A connection each, as the kubelet does. */
function ask(port: number, path: string): Promise<number | undefined> {
  const began = performance.now();
  return new Promise((resolve) => {
    const request = get({ host: '127.0.0.1', port, path, agent: false, timeout: TIMEOUT_MS }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode === 200 ? performance.now() - began : undefined));
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(undefined));
  });
}

function run(load: Load): Promise<LoadEnd> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [LOAD, JSON.stringify(load)], { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (piece: Buffer) => {
      text += piece.toString();
    });
    child.on('close', (code) => {
      if (code === 0 && text !== '') resolve(JSON.parse(text));
      else reject(new Error(`the load ended with ${code}`));
    });
  });
}

function startApplicationProcess(): Promise<{ port: number; child: ChildProcess }> {
  const child = fork(APPLICATION, [], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  return new Promise((resolve, reject) => {
    child.stdout!.once('data', (text: Buffer) => resolve({ port: Number(text.toString()), child }));
    child.once('exit', (code) => reject(new Error(`the application ended with ${code}`)));
  });
}
