import type { V1Pod } from '@kubernetes/client-node';
import { eventually } from '../../hack/mesh/kubectl.ts';
import { type LoadResult, type Tester, testerAt } from '../../hack/mesh/tester.ts';
import { addressOf } from './mesh.ts';

/** Calls a second of each load: ten of them leave a loaded machine its time, and some call begins within milliseconds of any moment. */
const RATE = 25;
/** Of the load on older connections. */
const OLDER_CONNECTIONS = 2;
/** Of each load, before a verdict. */
const ENOUGH = 15;

/** What one load of one pod saw. */
export interface Probe {
  /** `web-v1-… older` or `web-v1-… fresh`. */
  readonly name: string;
  readonly result: LoadResult;
}

/**
 * Two loads in each pod, through its own proxy: one on connections that it opened at the start and keeps (`older`), one with a new connection
 * for each call (`fresh`).
 */
export interface Probes {
  /** When each load has had enough answers to calls that were started after the moment. */
  after(at: number): Promise<Probe[]>;
  stop(): Promise<Probe[]>;
}

interface Running {
  readonly name: string;
  readonly tester: Tester;
  readonly load: { readonly id: string };
}

/** `urlOf`: what a pod calls. Returns when each load has had its first answers. */
export async function startProbes(pods: readonly V1Pod[], urlOf: (pod: V1Pod) => string): Promise<Probes> {
  const running = await Promise.all(
    pods.flatMap((pod) => [start(pod, urlOf(pod), true), start(pod, urlOf(pod), false)]),
  );
  const ask = (verb: string, body: object = {}): Promise<Probe[]> =>
    Promise.all(
      running.map(async ({ name, tester, load }) => ({
        name,
        result: await tester.ask<LoadResult>(verb, { ...load, ...body }),
      })),
    );
  const enough = (what: string, at: number): Promise<Probe[]> =>
    eventually(
      what,
      async () => {
        const probes = await ask('load/look', { after: at });
        const short = probes.filter(({ result }) => answersSince(result) < ENOUGH);
        if (short.length > 0) throw new Error(short.map(describe).join('; '));
        return probes;
      },
      60_000,
      150,
    );
  await enough('every load has begun', 0);
  return {
    after: (at) => enough(`${ENOUGH} answers for every load after the moment`, at),
    stop: () => ask('load/stop'),
  };
}

async function start(pod: V1Pod, url: string, keepAlive: boolean): Promise<Running> {
  const tester = testerAt(addressOf(pod));
  const concurrency = keepAlive ? OLDER_CONNECTIONS : 1;
  const load = await tester.ask<{ id: string }>('load/start', {
    url,
    keepAlive,
    concurrency,
    rate: RATE,
    durationMs: 300_000,
  });
  return { name: `${pod.metadata?.name} ${keepAlive ? 'older' : 'fresh'}`, tester, load };
}

const answersSince = ({ since }: LoadResult): number =>
  Object.values(since?.byStatus ?? {}).reduce((sum, count) => sum + count, 0);

const describe = ({ name, result }: Probe): string =>
  `${name}: ${answersSince(result)} of ${result.done} after the moment, ${JSON.stringify(result.byStatus)} ${result.errorSamples.join(', ')}`;

/** The loads that opened more connections than they began with: theirs are not older ones. */
export const reconnected = (probes: readonly Probe[]): string[] =>
  probes
    .filter(({ name, result }) => name.endsWith(' older') && result.connections !== OLDER_CONNECTIONS)
    .map(({ name, result }) => `${name}: ${result.connections} connections`);

/** Calls that failed on the way, by load. */
export const broken = (probes: readonly Probe[]): string[] =>
  probes
    .filter(({ result }) => result.errors > 0)
    .map(({ name, result }) => `${name}: ${result.errorSamples.join(', ')}`);
