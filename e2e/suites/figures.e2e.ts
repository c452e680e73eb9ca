/** What a sidecar costs: memory of the caller's and the callee's proxy, idle and after 1,000 requests a second. The bounds are sanity, not goals. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { sum } from '../../hack/mesh/metrics.ts';
import type { LoadResult } from '../../hack/mesh/tester.ts';
import { CONTAINER } from '../../proxy/contract/bootstrap.ts';
import { strict, testerManifests } from '../harness/manifests.ts';
import { describeMemory, type Memory, memoryOf } from '../harness/memory.ts';
import { isReady, type Mesh, openMesh } from '../harness/mesh.ts';

const NS = 'e2e-figures';
const RATE = 1_000;
const SECONDS = 20;
/** On two cores that also run the cluster and the load itself: less than this and the figure says nothing. */
const LEAST_RATE = 300;
const MOST_RESIDENT_MIB = 160;
/** Beyond idle, after the load: buffers and heap that grew once, not a leak of each of 20,000 requests. */
const MOST_GROWTH_MIB = 64;
const SIDES = ['client', 'web'] as const;
type Side = (typeof SIDES)[number];

let mesh: Mesh;
const pids = new Map<Side, number>();

beforeAll(async () => {
  mesh = await openMesh();
  await mesh.namespace(NS);
  await mesh.apply(...testerManifests(NS, 'client', { noService: true }), ...testerManifests(NS, 'web'), strict(NS));
  await mesh.available(NS);
  await mesh.condition(NS, 'meshaccesspolicy/strict', 'Ready');
  for (const side of SIDES) pids.set(side, await mesh.pid(NS, await podOf(side), CONTAINER.proxy));
});

afterAll(() => mesh.removeNamespace(NS));

async function podOf(side: Side): Promise<string> {
  const name = (await mesh.pods(NS, `app=${side}`)).find(isReady)?.metadata?.name;
  if (name === undefined) throw new Error(`no ready pod app=${side} in ${NS}`);
  return name;
}

function measure(when: string): Record<Side, Memory> {
  const of = (side: Side): Memory => {
    const memory = memoryOf(pids.get(side)!);
    process.stderr.write(`figure: proxy of ${side}, ${when}: ${describeMemory(memory)}\n`);
    return memory;
  };
  return { client: of('client'), web: of('web') };
}

async function load(order: { durationMs: number; rate: number }): Promise<LoadResult> {
  const client = await mesh.tester(NS, 'client');
  return client.ask('load', { url: 'http://web/whoami', concurrency: 32, ...order });
}

test('memory of both proxies, idle and after 1,000 requests a second', async () => {
  const idle = measure('idle');
  const result = await load({ durationMs: SECONDS * 1_000, rate: RATE });
  const achieved = (1_000 * result.done) / result.elapsedMs;
  const { p50, p99 } = result.latencyMs;
  process.stderr.write(
    `figure: load ${achieved.toFixed(0)} requests/s of ${RATE} wanted for ${SECONDS} s, p50 ${p50} ms, p99 ${p99} ms\n`,
  );
  const loaded = measure(`after ${result.done} requests at ${achieved.toFixed(0)}/s`);

  expect(result.byStatus).toEqual({ '200': result.done });
  expect(achieved).toBeGreaterThan(LEAST_RATE);
  await expectMeshed(result.done);
  for (const side of SIDES) {
    expect(idle[side].resident).toBeGreaterThan(10);
    expect(idle[side].resident).toBeLessThan(MOST_RESIDENT_MIB);
    expect(loaded[side].resident).toBeLessThan(MOST_RESIDENT_MIB);
    expect(loaded[side].private - idle[side].private).toBeLessThan(MOST_GROWTH_MIB);
  }
});

/** The proxies measured are those that carried the load, and nobody restarted meanwhile. */
async function expectMeshed(requests: number): Promise<void> {
  for (const side of SIDES) {
    const [pod] = await mesh.pods(NS, `app=${side}`);
    expect(sum(await mesh.metrics(pod!), 'heddle_requests_total')).toBeGreaterThanOrEqual(requests);
    expect(await mesh.pid(NS, pod!.metadata!.name!, CONTAINER.proxy)).toBe(pids.get(side));
  }
}
