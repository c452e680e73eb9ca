import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { V1Pod } from '@kubernetes/client-node';
import { eventually, getJson } from '../../hack/mesh/kubectl.ts';
import type { LoadFailure, LoadResult, Tester } from '../../hack/mesh/tester.ts';
import { CONTAINER } from '../../proxy/contract/bootstrap.ts';
import { type Killed, killProxy } from '../harness/kill.ts';
import { meshPolicy, strict, testerManifests } from '../harness/manifests.ts';
import { addressOf, isReady, type Mesh, openMesh } from '../harness/mesh.ts';

const NS = 'e2e-chaos';
const OFF = 'e2e-chaos-off';
const SYSTEM = 'heddle-system';
let mesh: Mesh;
let client: Tester;

beforeAll(async () => {
  mesh = await openMesh();
  await mesh.namespace(NS);
  await mesh.namespace(OFF, {});
  await mesh.apply(
    ...testerManifests(NS, 'client', { noService: true }),
    ...testerManifests(NS, 'web', { replicas: 2 }),
    ...testerManifests(OFF, 'client', { noService: true }),
    strict(NS),
  );
  await mesh.available(NS);
  await mesh.available(OFF);
  await mesh.condition(NS, 'meshaccesspolicy/strict', 'Ready');
  client = await mesh.tester(NS, 'client');
});

afterAll(async () => {
  await mesh.removeNamespace(NS);
  await mesh.removeNamespace(OFF);
});

async function killAll(namespace: string, selector: string, container: string): Promise<void> {
  for (const pod of await mesh.pods(namespace, selector)) {
    process.kill(await mesh.pid(namespace, pod.metadata!.name!, container), 'SIGKILL');
  }
}

const call = async (): Promise<number> =>
  (await client.ask<{ status?: number }>('fetch', { url: 'http://web/whoami' })).status ?? 0;

test('kill -9 of both operators: calls go on, and a new edit takes force', async () => {
  // Warm: a destination that was never used is refused while there is no operator.
  expect(await call()).toBe(200);
  await killAll(SYSTEM, 'app.kubernetes.io/name=heddle-operator', 'operator');
  const during = await client.ask<LoadResult>('load', { url: 'http://web/whoami', count: 500, concurrency: 2 });
  expect([during.byStatus, during.reasons]).toEqual([{ '200': 500 }, {}]);
  await mesh.apply(
    meshPolicy(NS, 'web', { targetRefs: [{ kind: 'Service', name: 'web' }], loadBalancing: { policy: 'Random' } }),
  );
  await mesh.condition(NS, 'meshpolicy/web', 'Ready', 90);
});

test('kill -9 of both webhooks: they come back and inject again', async () => {
  await killAll(SYSTEM, 'app.kubernetes.io/name=heddle-webhook', 'webhook');
  await eventually(
    'both webhooks are ready again',
    async () => {
      const pods = await mesh.pods(SYSTEM, 'app.kubernetes.io/name=heddle-webhook');
      return (
        pods.length === 2 &&
        pods.every(isReady) &&
        pods.every((pod) => (pod.status?.containerStatuses?.[0]?.restartCount ?? 0) > 0)
      );
    },
    90_000,
  );
  // Ready is not yet reachable: kube-proxy follows the endpoints a moment later, and an `enabled` namespace admits pods without.
  await eventually(
    'a pod would be injected again',
    async () => {
      const pod = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'dry', namespace: NS },
        spec: { containers: [{ name: 'app', image: 'x' }] },
      };
      const ran = await mesh.kubectl(['create', '--dry-run=server', '-o', 'json', '-f', '-'], {
        input: JSON.stringify(pod),
      });
      return ran.stdout.includes(CONTAINER.proxy);
    },
    30_000,
  );
  await mesh.kubectl(['-n', NS, 'rollout', 'restart', 'deployment/client']);
  await mesh.kubectl(['-n', NS, 'rollout', 'status', 'deployment/client', '--timeout=120s']);
  const pods = await eventually(
    'one client pod',
    async () => {
      const found = await mesh.pods(NS, 'app=client');
      return found.length === 1 ? found : undefined;
    },
    90_000,
  );
  expect(pods[0]!.spec?.initContainers?.map((container) => container.name)).toEqual([CONTAINER.init, CONTAINER.proxy]);
  client = await mesh.tester(NS, 'client');
});

/** One call at a time each, so one connection to the proxy each, and at most one call in flight each. */
const WORKERS = 8;
/** So long that most workers wait for an answer at any time: whoever is killed has calls in flight. */
const SLOW = 'http://web/slow?ms=100';
/**
 * Between the death of the called proxy and the moment when each caller has heard of it lies one turn of the calling proxy's event loop, and its
 * turn of the processor: a call written to the dead connection in that time is in flight on it like those before. Scheduling and collection take
 * tens of milliseconds on a loaded machine of two cores; the dead proxy is away for longer than this (about two seconds), in which every further loss shows.
 */
const HEARD_MS = 500;

interface Losses {
  readonly done: number;
  /** That ended after the kill: what went before is not its doing. */
  readonly failures: readonly LoadFailure[];
  readonly killed: Killed;
}

/** A load from the client to both pods while a proxy is killed and comes back, and for 50 answers afterwards. */
async function lossesWhileKilled(pod: V1Pod, order: object): Promise<Losses> {
  const load = await client.ask<{ id: string }>('load/start', {
    url: SLOW,
    concurrency: WORKERS,
    rate: 80,
    durationMs: 120_000,
    ...order,
  });
  const look = (verb: string, after: number): Promise<LoadResult> => client.ask(verb, { ...load, after });
  const served = (what: string, after: number, pods: number): Promise<unknown> =>
    eventually(
      what,
      async () => {
        const { since, byPod } = await look('load/look', after);
        return (since?.byStatus['200'] ?? 0) >= 50 && Object.keys(byPod).length >= pods;
      },
      30_000,
    );
  await served('the load runs, to both pods', 0, 2);
  const killed = await killProxy(mesh, pod);
  await served('the load runs on', killed.readyAt, 2);
  const { done, failures } = await look('load/stop', 0);
  return { done, failures: failures.filter(({ endedAt }) => endedAt >= killed.killedAt), killed };
}

/** The failures' place in time, relative to the kill. */
function report(what: string, { done, failures, killed }: Losses): void {
  const last = Math.max(0, ...failures.map(({ startedAt }) => startedAt - killed.killedAt));
  const kinds: Record<string, number> = {};
  for (const failure of failures) kinds[failure.what] = (kinds[failure.what] ?? 0) + 1;
  process.stderr.write(
    `figure: ${what}: ${failures.length} of ${done} calls failed; gone after ${Math.round(killed.goneAt - killed.killedAt)} ms, ready again after ${Math.round(killed.readyAt - killed.killedAt)} ms, the last failed call began ${Math.round(last)} ms after the kill; ${JSON.stringify(kinds)}\n`,
  );
}

/** A pod of `app` by its place in the list, when all are ready. Each is killed once only: the kubelet waits 10 s before it starts a second time. */
async function readyPod(app: string, at = 0): Promise<V1Pod> {
  const pods = await eventually('all pods are ready', async () => {
    const found = [...(await mesh.pods(NS, 'app=client')), ...(await mesh.pods(NS, 'app=web'))];
    return found.length === 3 && found.every(isReady) ? found : undefined;
  });
  return pods.filter(({ metadata }) => metadata?.labels?.['app'] === app)[at]!;
}

async function webPolicy(spec: object): Promise<void> {
  await mesh.apply(meshPolicy(NS, 'web', { targetRefs: [{ kind: 'Service', name: 'web' }], ...spec }));
  await mesh.condition(NS, 'meshpolicy/web', 'Ready');
}

test('kill -9 of the called proxy, POST and retries off: only what was in flight on it is lost', async () => {
  await webPolicy({ defaults: { retries: { attempts: 0 } } });
  const losses = await lossesWhileKilled(await readyPod('web'), { method: 'POST', body: 'x' });
  report('called proxy killed, POST without retries', losses);
  const { failures, killed } = losses;
  // Nobody knows whether the application saw these, so a POST must not be sent again: inevitable. Without any the kill hit nothing.
  expect(failures.length).toBeGreaterThan(0);
  expect(new Set(failures.map(({ worker }) => worker)).size).toBe(failures.length);
  for (const { startedAt, what } of failures) {
    expect(what).toBe('502 upstream_reset');
    expect(startedAt).toBeLessThan(killed.goneAt + HEARD_MS);
  }
});

test('kill -9 of the called proxy, GET under the default policy: nothing is lost', async () => {
  await webPolicy({ loadBalancing: { policy: 'Random' } });
  const losses = await lossesWhileKilled(await readyPod('web', 1), {});
  report('called proxy killed, GET with default retries', losses);
  // What was in flight may be repeated elsewhere, what came later was never sent there.
  expect(losses.failures).toEqual([]);
});

test("kill -9 of the caller's own proxy: calls fail until its successor is ready, and none after", async () => {
  const losses = await lossesWhileKilled(await readyPod('client'), { method: 'POST', body: 'x' });
  report("caller's proxy killed", losses);
  const { failures, killed } = losses;
  // Nobody else carries this pod's calls: what was in flight, and whatever is tried before there is a listener again, is lost inevitably.
  expect(failures.length).toBeGreaterThan(0);
  for (const { startedAt } of failures) expect(startedAt).toBeLessThan(killed.readyAt);
  expect(await call()).toBe(200);
});

test('the CA Secret is deleted: it comes back with the same root, and certificates go on', async () => {
  const read = () => getJson<{ data: Record<string, string> }>(mesh.kubectl, ['-n', SYSTEM, 'secret', 'heddle-ca']);
  const before = await read();
  await mesh.kubectl(['-n', SYSTEM, 'delete', 'secret', 'heddle-ca']);
  const after = await eventually('the Secret is restored', read, 60_000);
  expect(after.data).toEqual(before?.data);
  await mesh.kubectl(['-n', NS, 'rollout', 'restart', 'deployment/web']);
  await mesh.kubectl(['-n', NS, 'rollout', 'status', 'deployment/web', '--timeout=120s']);
  expect(await call()).toBe(200);
});

test('deleting the namespace never opens Strict while its pods run', async () => {
  const outside = await mesh.tester(OFF, 'client');
  const [pod] = (await mesh.pods(NS, 'app=web')).filter(isReady);
  const url = `http://${addressOf(pod!)}:8080/whoami`;
  await mesh.kubectl(['delete', 'namespace', NS, '--wait=false']);
  let tries = 0;
  let opened = 0;
  await eventually(
    'the namespace is gone',
    async () => {
      const answer = await outside.ask<{ status?: number }>('fetch', { url, timeoutMs: 1000 });
      tries += 1;
      if (answer.status === 200) opened += 1;
      return (await getJson(mesh.kubectl, ['namespace', NS])) === undefined;
    },
    120_000,
    50,
  );
  expect(tries).toBeGreaterThan(10);
  expect(opened).toBe(0);
});
