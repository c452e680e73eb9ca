import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { V1ContainerStatus, V1Job, V1Pod } from '@kubernetes/client-node';
import { eventually, getJson } from '../../hack/mesh/kubectl.ts';
import { testerAt } from '../../hack/mesh/tester.ts';
import { CONTAINER } from '../../proxy/contract/bootstrap.ts';
import { TESTER_IMAGE, testerManifests } from '../harness/manifests.ts';
import { isReady, type Mesh, openMesh } from '../harness/mesh.ts';
import { now } from '../harness/moment.ts';
import { watch } from '../harness/watch.ts';

const NS = 'e2e-lifecycle';
const SYSTEM = 'heddle-system';
let mesh: Mesh;

beforeAll(async () => {
  mesh = await openMesh();
  await mesh.namespace(NS);
  await mesh.apply(...testerManifests(NS, 'web'));
  await mesh.available(NS);
});

afterAll(() => mesh.removeNamespace(NS));

const sidecar = (pod: V1Pod | undefined): V1ContainerStatus | undefined =>
  pod?.status?.initContainerStatuses?.find(({ name }) => name === CONTAINER.proxy);
const injected = (pod: V1Pod): boolean =>
  (pod.spec?.initContainers ?? []).some((container) => container.name === CONTAINER.proxy);

/** A Job that makes one call and ends. Returns milliseconds from before `kubectl apply` to `Complete`. */
async function runJob(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
  const jobs = await watch<V1Job>(mesh, ['-n', NS, 'jobs'], false);
  try {
    const from = now();
    await mesh.apply({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name, namespace: NS },
      spec: {
        backoffLimit: 0,
        template: {
          metadata: { labels },
          spec: {
            restartPolicy: 'Never',
            containers: [
              { name: 'app', image: TESTER_IMAGE, imagePullPolicy: 'IfNotPresent', args: ['job', 'http://web/whoami'] },
            ],
          },
        },
      },
    });
    const { at } = await jobs.until(
      `job ${name} is complete`,
      ({ object }) =>
        object.metadata?.name === name &&
        (object.status?.conditions ?? []).some(({ type, status }) => type === 'Complete' && status === 'True'),
    );
    return at - from;
  } finally {
    jobs.stop();
  }
}

test('a Job with a sidecar completes', async () => {
  const meshed = await runJob('once');
  const [pod] = await mesh.pods(NS, 'job-name=once');
  expect(injected(pod!)).toBe(true);
  const plain = await runJob('without', { 'heddle.dev/inject': 'disabled' });
  const [other] = await mesh.pods(NS, 'job-name=without');
  expect(injected(other!)).toBe(false);
  process.stderr.write(
    `figure: a Job of one call, from kubectl apply to Complete: ${Math.round(meshed)} ms with the sidecar, ${Math.round(plain)} ms without\n`,
  );
});

test('the first pod of a namespace that was labelled just now is injected and becomes ready', async () => {
  const fresh = 'e2e-lifecycle-fresh';
  await mesh.namespace(fresh, {});
  const pods = await watch<V1Pod>(mesh, ['-n', fresh, 'pods'], false);
  try {
    await mesh.kubectl(['label', 'namespace', fresh, 'heddle.dev/inject=enabled']);
    const from = now();
    await mesh.apply(...testerManifests(fresh, 'first', { noService: true }));
    const made = await pods.until('the pod is made', () => true);
    const started = await pods.until('its sidecar is started', ({ object }) => sidecar(object)?.started === true);
    const ready = await pods.until('it is ready', ({ object }) => isReady(object));
    expect(injected(ready.object)).toBe(true);
    expect(sidecar(ready.object)?.restartCount).toBe(0);
    const [one, two, three] = [made, started, ready].map(({ at }) => Math.round(at - from));
    process.stderr.write(
      `figure: first pod of a namespace labelled just before: made ${one} ms, sidecar started ${two} ms, ready ${three} ms after kubectl apply began\n`,
    );
  } finally {
    pods.stop();
    await mesh.removeNamespace(fresh);
  }
});

test.each([
  ['besteffort', {}, 'BestEffort'],
  ['burstable', { requests: { cpu: '20m', memory: '48Mi' } }, 'Burstable'],
  ['guaranteed', { requests: { cpu: '100m', memory: '96Mi' }, limits: { cpu: '100m', memory: '96Mi' } }, 'Guaranteed'],
])('the class of service of a %s pod is unchanged', async (name, resources, expected) => {
  await mesh.apply(...testerManifests(NS, name, { noService: true, resources }));
  const pod = await eventually(
    `pod ${name} is ready`,
    async () => (await mesh.pods(NS, `app=${name}`)).find(isReady),
    90_000,
  );
  expect([injected(pod), pod.status?.qosClass]).toEqual([true, expected]);
});

test('a skipped pod says why on itself', async () => {
  await mesh.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'on-the-host', namespace: NS },
    spec: {
      hostNetwork: true,
      containers: [{ name: 'app', image: TESTER_IMAGE, imagePullPolicy: 'IfNotPresent', command: ['node', '-e', '0'] }],
      restartPolicy: 'Never',
    },
  });
  const pod = await getJson<V1Pod>(mesh.kubectl, ['-n', NS, 'pod', 'on-the-host']);
  expect(pod?.metadata?.annotations?.['heddle.dev/not-injected']).toBe('HostNetwork');
});

test('a pod that starts while the operator is down waits, says for what, and then becomes ready', async () => {
  await mesh.kubectl(['-n', SYSTEM, 'scale', 'deployment/heddle-operator', '--replicas=0']);
  try {
    await eventually(
      'no operator runs',
      async () => (await mesh.pods(SYSTEM, 'app.kubernetes.io/name=heddle-operator')).length === 0,
      60_000,
    );
    await mesh.apply(...testerManifests(NS, 'early', { noService: true }));
    const waiting = await eventually(
      'the sidecar runs and is not started',
      async () => {
        const [pod] = await mesh.pods(NS, 'app=early');
        const state = sidecar(pod);
        return state?.state?.running !== undefined && state.started === false ? pod : undefined;
      },
      60_000,
    );
    expect(isReady(waiting)).toBe(false);
    const events = await eventually(
      'the startup probe says what it waits for',
      async () => {
        const ran = await mesh.kubectl([
          '-n',
          NS,
          'get',
          'events',
          '--field-selector',
          `involvedObject.name=${waiting.metadata?.name}`,
          '-o',
          'jsonpath={.items[*].message}',
        ]);
        // The very first probe may come before the proxy listens.
        return ran.stdout.includes('Startup probe failed: HTTP probe failed') ? ran.stdout : undefined;
      },
      30_000,
    );
    expect(events).toMatch(/503/);
  } finally {
    await mesh.kubectl(['-n', SYSTEM, 'scale', 'deployment/heddle-operator', '--replicas=2']);
  }
  await mesh.available(NS, 120);
  const [pod] = await mesh.pods(NS, 'app=early');
  expect(sidecar(pod)?.restartCount).toBe(0);
});

test('label off and restart: the pods go back to direct traffic', async () => {
  const off = 'e2e-lifecycle-off';
  await mesh.namespace(off);
  try {
    await mesh.apply(...testerManifests(off, 'web'), ...testerManifests(off, 'client', { noService: true }));
    await mesh.available(off);
    expect((await mesh.pods(off, 'app=web')).every(injected)).toBe(true);
    await mesh.kubectl(['label', 'namespace', off, 'heddle.dev/inject-']);
    await mesh.kubectl(['-n', off, 'rollout', 'restart', 'deployment']);
    for (const name of ['web', 'client'])
      await mesh.kubectl(['-n', off, 'rollout', 'status', `deployment/${name}`, '--timeout=90s']);
    const client = await eventually('a client without sidecar', async () =>
      (await mesh.pods(off, 'app=client')).find((pod) => isReady(pod) && !injected(pod)),
    );
    const answer = await testerAt(client.status!.podIP!).ask<{ status: number; body: string }>('fetch', {
      url: 'http://web/headers',
    });
    expect(answer.status).toBe(200);
    expect(answer.body).not.toContain('traceparent');
  } finally {
    await mesh.removeNamespace(off);
  }
});
