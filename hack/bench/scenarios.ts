import { DIRECT, type Work } from './contenders.ts';

/** What one measurement gives: names of `METRICS` to values. */
export type Values = Readonly<Record<string, number>>;

export type Load =
  | { readonly kind: 'http'; readonly connections: number }
  | { readonly kind: 'ping-pong'; readonly connections: number; readonly bytes: number }
  | { readonly kind: 'grpc'; readonly connections: number; readonly streams: number }
  | { readonly kind: 'open'; readonly connections: number; readonly rate: number }
  | { readonly kind: 'copies'; readonly count: number }
  | { readonly kind: 'destinations'; readonly count: number }
  | { readonly kind: 'callers'; readonly count: number }
  | { readonly kind: 'life'; readonly connections: number; readonly rate: number; readonly held: number };

/** What issue 4 wants of ourselves. */
export type Goal =
  | { readonly kind: 'ratio'; readonly metric: string; readonly against: string; readonly atMost: number }
  | { readonly kind: 'absolute'; readonly metric: string; readonly atMost: number };

export interface Scenario {
  readonly name: string;
  readonly title: string;
  readonly work: Work;
  readonly load: Load;
  /** Figures to print, the primary one first. */
  readonly metrics: readonly string[];
  /** Measured without a proxy too, and `added…` metrics are what a contender adds to that. */
  readonly baseline: boolean;
  readonly goals: readonly Goal[];
}

/** Names, units and how many digits are worth printing. */
export const METRICS: Readonly<Record<string, { readonly title: string; readonly digits: number }>> = {
  cpuUs: { title: 'CPU us/request', digits: 1 },
  switches: { title: 'switches/request', digits: 2 },
  rps: { title: 'requests/s', digits: 0 },
  p50: { title: 'p50 us', digits: 0 },
  p99: { title: 'p99 us', digits: 0 },
  p999: { title: 'p99.9 us', digits: 0 },
  addedP50: { title: 'added p50 us', digits: 0 },
  addedP99: { title: 'added p99 us', digits: 0 },
  addedP999: { title: 'added p99.9 us', digits: 0 },
  startMs: { title: 'start to first request ms', digits: 0 },
  idleResident: { title: 'idle resident MiB', digits: 1 },
  idlePrivate: { title: 'idle private MiB', digits: 1 },
  idlePss: { title: 'idle PSS MiB', digits: 1 },
  loadedResident: { title: 'loaded resident MiB', digits: 1 },
  loadedPrivate: { title: 'loaded private MiB', digits: 1 },
  loadedInbound: { title: 'loaded resident MiB (called side)', digits: 1 },
  copyPss: { title: 'PSS a copy MiB', digits: 1 },
  copyPrivate: { title: 'private a copy MiB', digits: 1 },
  growth: { title: 'growth of resident MiB', digits: 1 },
  callersGrowth: { title: 'growth of resident MiB (called side)', digits: 1 },
  meshConnectionKb: { title: 'mesh connection kB', digits: 1 },
  connectionKb: { title: 'idle connection kB', digits: 1 },
};

const CLOSED = ['cpuUs', 'switches', 'rps', 'p50', 'p99'] as const;

const ratio = (metric: string, against: string, atMost: number): Goal => ({ kind: 'ratio', metric, against, atMost });
const absolute = (metric: string, atMost: number): Goal => ({ kind: 'absolute', metric, atMost });

const pair = (connections: number, goals: readonly Goal[]): Scenario => ({
  name: `pair-${connections}`,
  title: `mutual TLS pair, HTTP/1.1, ${connections} connection${connections === 1 ? '' : 's'}`,
  work: 'pair',
  load: { kind: 'http', connections },
  metrics: CLOSED,
  baseline: false,
  goals,
});

/** Goals: issue 4, "Figures to reach". Where it says Envoy pair, the cheaper one is meant (HTTP/2 between). */
export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'hop',
    title: 'one hop, HTTP/1.1, 32 connections',
    work: 'hop',
    load: { kind: 'http', connections: 32 },
    metrics: CLOSED,
    baseline: false,
    goals: [ratio('cpuUs', 'haproxy', 1.15), ratio('cpuUs', 'envoy-h1', 0.5)],
  },
  pair(64, [ratio('cpuUs', 'haproxy', 0.75), ratio('cpuUs', 'envoy-h2', 0.45)]),
  pair(16, [ratio('cpuUs', 'haproxy', 0.9), ratio('cpuUs', 'envoy-h2', 0.55)]),
  pair(1, [ratio('cpuUs', 'envoy-h2', 0.6), ratio('cpuUs', 'haproxy', 1.5)]),
  {
    name: 'grpc',
    title: 'gRPC unary through a pair, 8 connections x 25 streams',
    work: 'grpc',
    load: { kind: 'grpc', connections: 8, streams: 25 },
    metrics: ['cpuUs', 'switches', 'rps'],
    baseline: false,
    goals: [ratio('cpuUs', 'envoy-h2', 0.6)],
  },
  {
    name: 'tcp',
    title: 'TCP, plain hop, ping-pong of 1 KiB, 16 connections',
    work: 'tcp',
    load: { kind: 'ping-pong', connections: 16, bytes: 1_024 },
    metrics: CLOSED,
    baseline: false,
    goals: [ratio('cpuUs', 'haproxy', 1.2)],
  },
  {
    name: 'latency',
    title: 'open loop, pair, 1,000 requests/s on 16 connections',
    work: 'pair',
    load: { kind: 'open', connections: 16, rate: 1_000 },
    metrics: ['p50', 'p99', 'p999', 'addedP50', 'addedP99', 'addedP999', 'cpuUs'],
    baseline: true,
    goals: [ratio('addedP50', 'envoy-h2', 0.6), ratio('addedP99', 'envoy-h2', 1), ratio('addedP999', 'envoy-h2', 1)],
  },
  {
    name: 'life',
    title: 'start, memory idle and after 1,000 requests/s, 1,000 idle connections (calling side of a pair)',
    work: 'pair',
    load: { kind: 'life', connections: 16, rate: 1_000, held: 1_000 },
    metrics: [
      'startMs',
      'idleResident',
      'idlePrivate',
      'idlePss',
      'loadedResident',
      'loadedPrivate',
      'loadedInbound',
      'connectionKb',
    ],
    baseline: false,
    goals: [
      absolute('startMs', 250),
      absolute('idleResident', 75),
      absolute('idlePrivate', 20),
      absolute('loadedResident', 100),
      absolute('loadedPrivate', 35),
      absolute('connectionKb', 8),
    ],
  },
  {
    name: 'copies',
    title: '20 idle copies of the calling side, each in a namespace of its own',
    work: 'pair',
    load: { kind: 'copies', count: 20 },
    metrics: ['copyPss', 'copyPrivate'],
    baseline: false,
    goals: [absolute('copyPss', 20)],
  },
  {
    name: 'destinations',
    title: '5,000 destinations held, 5 endpoints each, none called',
    work: 'destinations',
    load: { kind: 'destinations', count: 5_000 },
    metrics: ['growth'],
    baseline: false,
    goals: [absolute('growth', 40)],
  },
  {
    name: 'callers',
    title: '500 pods, each with an identity and a mesh connection of its own, on one called pod',
    work: 'callers',
    load: { kind: 'callers', count: 500 },
    metrics: ['callersGrowth', 'meshConnectionKb'],
    baseline: false,
    goals: [absolute('callersGrowth', 45), absolute('meshConnectionKb', 85)],
  },
];

/** Whether a contender takes part; the direct way only where it is the baseline. */
export function takesPart(
  scenario: Scenario,
  contender: { readonly name: string; readonly does: readonly Work[] },
): boolean {
  return contender.name === DIRECT ? scenario.baseline : contender.does.includes(scenario.work);
}
