import { join } from 'node:path';
import { run } from '../../cluster/run.ts';
import type { Program } from '../peers/programs.ts';
import { ADDRESS, BACKENDS, CORES, SERVICES } from '../plan.ts';
import type { Load, Scenario } from '../scenarios.ts';
import { GRPC_PATH, script } from '../world/backends.ts';
import { inside } from '../world/network.ts';
import type { World } from '../world/world.ts';
import { h2loadCommand, parseH2load } from './h2load.ts';
import type { OpenLoopOptions, OpenLoopResult } from './open-loop.ts';
import type { PingPongOptions, PingPongResult } from './ping-pong.ts';
import { parseWrk, wrkCommand } from './wrk.ts';

export interface LoadTools {
  readonly programs: ReadonlyMap<Program, string>;
  /** Files made once a run. */
  readonly wrkScript: string;
  readonly grpcRequest: string;
}

/** What a load came to; `latencyUs` by the names of `METRICS`. */
export interface LoadOutcome {
  readonly requests: number;
  readonly errors: number;
  readonly seconds: number;
  readonly latencyUs: Readonly<Record<string, number>>;
  /** Why the generator itself cannot be trusted this time. */
  readonly doubt?: string;
}

/** A generator that notices a due request later than this measures itself. */
const LATE_US = 100;

/** Runs one load on the load core, from the calling application's namespace. Throws when a generator fails or is not there. */
export function runLoad(world: World, scenario: Scenario, seconds: number, tools: LoadTools): Promise<LoadOutcome> {
  const { load } = scenario;
  switch (load.kind) {
    case 'http':
      return runHttp(world, scenario, load, seconds, tools);
    case 'grpc':
      return runGrpc(world, load, seconds, tools);
    case 'ping-pong':
      return runPingPong(world, load, seconds);
    case 'open':
    case 'life':
      return runOpen(world, load, seconds);
    case 'copies':
    case 'destinations':
    case 'callers':
      throw new Error(`${scenario.name} has no load`);
  }
}

/** A program in the calling application's namespace, on the load core. */
export function inClient(world: World, command: readonly string[]): readonly [string, readonly string[]] {
  const [program = '', ...args] = inside(world.network.client, ['taskset', '-c', String(CORES.load), ...command]);
  return [program, args];
}

/** Where a pair is reached: through the Service, or the application itself when there is no proxy. */
export function pairTarget(world: World): { address: string; port: number; host: string } {
  const { address, port, host } = SERVICES.pair;
  if (world.contender.redirection === 'none') return { address: ADDRESS.server, port: BACKENDS.a, host };
  return { address, port, host };
}

async function runHttp(
  world: World,
  scenario: Scenario,
  load: Extract<Load, { kind: 'http' }>,
  seconds: number,
  tools: LoadTools,
): Promise<LoadOutcome> {
  const { address, port, host } = scenario.work === 'hop' ? SERVICES.hop : SERVICES.pair;
  const command = wrkCommand({
    program: need(tools, 'wrk'),
    script: tools.wrkScript,
    connections: load.connections,
    seconds,
    host,
    url: `http://${address}:${port}/`,
  });
  const result = parseWrk(await run(...inClient(world, command)));
  const { requests, errors, p50, p99 } = result;
  return { requests, errors, seconds: result.seconds, latencyUs: { p50, p99 } };
}

async function runGrpc(
  world: World,
  load: Extract<Load, { kind: 'grpc' }>,
  seconds: number,
  tools: LoadTools,
): Promise<LoadOutcome> {
  const { address, port, host } = SERVICES.grpc;
  const command = h2loadCommand({
    program: need(tools, 'h2load'),
    ...load,
    seconds,
    body: tools.grpcRequest,
    authority: host,
    url: `http://${address}:${port}${GRPC_PATH}`,
  });
  return { ...parseH2load(await run(...inClient(world, command))), latencyUs: {} };
}

async function runPingPong(
  world: World,
  load: Extract<Load, { kind: 'ping-pong' }>,
  seconds: number,
): Promise<LoadOutcome> {
  const { address, port } = SERVICES.tcp;
  const { connections, bytes } = load;
  const options: PingPongOptions = { address, port, connections, bytes, seconds };
  const output = await run(...inClient(world, [process.execPath, script('ping-pong.ts'), JSON.stringify(options)]));
  const result = JSON.parse(output) as PingPongResult;
  const { requests, errors, p50, p99 } = result;
  return { requests, errors, seconds: result.seconds, latencyUs: { p50, p99 } };
}

async function runOpen(
  world: World,
  load: Extract<Load, { kind: 'open' | 'life' }>,
  seconds: number,
): Promise<LoadOutcome> {
  const { connections, rate } = load;
  const options: OpenLoopOptions = { ...pairTarget(world), connections, rate, seconds, warmUpSeconds: 1 };
  const command = ['chrt', '--idle', '0', process.execPath, script('open-loop.ts'), JSON.stringify(options)];
  const { requests, errors, p50, p99, p999, lateP99 } = JSON.parse(
    await run(...inClient(world, command)),
  ) as OpenLoopResult;
  return {
    // The warm-up used CPU as well.
    requests: requests + rate,
    errors,
    seconds,
    latencyUs: { p50, p99, p999 },
    ...(lateP99 > LATE_US ? { doubt: `the generator was late by ${lateP99} us at p99 (${LATE_US} allowed)` } : {}),
  };
}

function need(tools: LoadTools, program: Program): string {
  const path = tools.programs.get(program);
  if (path === undefined) throw new Error(`${program} is not installed`);
  return path;
}

/** Files that generators read. */
export function toolFiles(folder: string): Pick<LoadTools, 'wrkScript' | 'grpcRequest'> {
  return { wrkScript: join(folder, 'done.lua'), grpcRequest: join(folder, 'request.grpc') };
}
