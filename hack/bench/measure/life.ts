import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemPath } from '../../cluster/run.ts';
import { inClient, pairTarget, runLoad } from '../load/run-load.ts';
import type { Scenario } from '../scenarios.ts';
import { script } from '../world/backends.ts';
import type { World } from '../world/world.ts';
import { type Attempt, doubt, type MeasureOptions } from './attempt.ts';
import { foreignShare, snapshot } from './machine.ts';
import { memoryOf } from './proc.ts';

const MIB = 1024 * 1024;
/** What a process does at its start is over by then. */
const SETTLE_MS = 2_000;
/** And what it does after many connections: they are idle. */
const CONNECTED_MS = 5_000;

/** The calling side's proxy from its start on: first request, memory idle, after load, and with idle connections. */
export async function measureLife(world: World, scenario: Scenario, options: MeasureOptions): Promise<Attempt> {
  const { load } = scenario;
  if (load.kind !== 'life') throw new Error(`${scenario.name} is no life`);
  const startMs = await startToFirstRequest(world);
  const pid = (): number => world.proxies.get('outbound')?.pid ?? 0;
  await sleep(SETTLE_MS);
  const idle = memoryOf(pid());
  const before = snapshot(world);
  const outcome = await runLoad(world, scenario, options.seconds, options.tools);
  const foreign = foreignShare(before, snapshot(world));
  // How late the generator was is of no weight here: memory is measured, not time.
  const reason = doubt({ requests: outcome.requests, errors: outcome.errors }, foreign, options.busy);
  if (reason !== undefined) return { kind: 'rejected', reason };
  const loaded = memoryOf(pid());
  const inbound = memoryOf(world.proxies.get('inbound')?.pid ?? 0);
  const connectionKb = await costOfConnection(world, load.held, pid());
  world.assertAlive();
  return {
    kind: 'ok',
    foreign,
    values: {
      startMs,
      idleResident: idle.resident / MIB,
      idlePrivate: idle.private / MIB,
      idlePss: idle.proportional / MIB,
      loadedResident: loaded.resident / MIB,
      loadedPrivate: loaded.private / MIB,
      loadedInbound: inbound.resident / MIB,
      connectionKb,
    },
  };
}

/** From before the process is made to the first 200 through it; the called side is up already. */
async function startToFirstRequest(world: World): Promise<number> {
  const outbound = world.proxies.get('outbound');
  await outbound?.stop();
  const asker = ask(world, 'until', { ...pairTarget(world), path: '/' });
  await asker.line();
  const started = await world.restart('outbound');
  const answeredAt = Number(await asker.line());
  return answeredAt - started.startedAt;
}

/** Growth of resident memory by that many connections of the application, each of which made one request. Kilobytes of 1,000 bytes. */
async function costOfConnection(world: World, held: number, pid: number): Promise<number> {
  const before = memoryOf(pid).resident;
  const holder = ask(world, 'hold', { ...pairTarget(world), path: '/', connections: held });
  await holder.line();
  await sleep(CONNECTED_MS);
  const after = memoryOf(pid).resident;
  holder.end();
  return (after - before) / held / 1_000;
}

interface Asker {
  /** The next line of its output; rejects when it ends without one. */
  line(): Promise<string>;
  end(): void;
}

function ask(world: World, verb: string, target: object): Asker {
  const [program, args] = inClient(world, [process.execPath, script('ask.ts'), verb, JSON.stringify(target)]);
  const child: ChildProcess = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, PATH: systemPath() },
  });
  const lines: string[] = [];
  const waiting: { resolve(line: string): void; reject(error: Error): void }[] = [];
  let rest = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) {
      const first = waiting.shift();
      if (first === undefined) lines.push(line);
      else first.resolve(line);
    }
  });
  child.on('close', (code) => {
    for (const one of waiting) one.reject(new Error(`ask ${verb} ended with ${code}`));
  });
  return {
    line: () => {
      const line = lines.shift();
      if (line !== undefined) return Promise.resolve(line);
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
    },
    end: () => void child.stdin?.end(),
  };
}
