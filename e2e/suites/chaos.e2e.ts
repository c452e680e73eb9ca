import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eventually, getJson } from '../../hack/mesh/kubectl.ts';
import type { LoadResult, Tester } from '../../hack/mesh/tester.ts';
import { CONTAINER } from '../../proxy/contract/bootstrap.ts';
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

test('kill -9 of a proxy in the middle of a load: it restarts with its kept identity and serves on', async () => {
  const load = await client.ask<{ id: string }>('load/start', {
    url: 'http://web/whoami',
    concurrency: 2,
    rate: 50,
    durationMs: 120_000,
  });
  const [pod] = await mesh.pods(NS, 'app=web');
  process.kill(await mesh.pid(NS, pod!.metadata!.name!, CONTAINER.proxy), 'SIGKILL');
  await eventually(
    'the proxy is running again and the pod ready',
    async () => {
      const [again] = (await mesh.pods(NS, 'app=web')).filter((one) => one.metadata?.name === pod!.metadata?.name);
      const state = again?.status?.initContainerStatuses?.find((one) => one.name === CONTAINER.proxy);
      return (state?.restartCount ?? 0) > 0 && again !== undefined && isReady(again);
    },
    60_000,
  );
  const result = await client.ask<LoadResult>('load/stop', load);
  // GET may be tried again elsewhere once: what was on the killed proxy is healed.
  expect(result.byStatus['200'] ?? 0).toBeGreaterThan(result.done - 5);
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
