import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { installHeddle, repositoryPath, uninstallHeddle } from '../../hack/mesh/install.ts';
import { eventually, getJson } from '../../hack/mesh/kubectl.ts';
import type { LoadResult, Tester } from '../../hack/mesh/tester.ts';
import { CONTAINER } from '../../proxy/contract/bootstrap.ts';
import { testerManifests } from '../harness/manifests.ts';
import { CLUSTER, type Mesh, openMesh } from '../harness/mesh.ts';

/** Runs last (see `sequencer.js`): it removes Heddle and installs it again. */
const NS = 'e2e-leave';
const OVERLAY = repositoryPath('config', 'overlays', 'e2e');
let mesh: Mesh;
let client: Tester;

beforeAll(async () => {
  mesh = await openMesh();
  await mesh.namespace(NS, { 'heddle.dev/inject': 'required' });
  await mesh.apply(...testerManifests(NS, 'client', { noService: true }), ...testerManifests(NS, 'web'));
  await mesh.available(NS);
  client = await mesh.tester(NS, 'client');
  expect((await client.ask<{ status: number }>('fetch', { url: 'http://web/whoami' })).status).toBe(200);
});

afterAll(() => mesh.removeNamespace(NS));

async function dryPod(): Promise<string> {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'dry', namespace: NS },
    spec: { containers: [{ name: 'app', image: 'x' }] },
  };
  return (await mesh.kubectl(['create', '--dry-run=server', '-o', 'json', '-f', '-'], { input: JSON.stringify(pod) }))
    .stdout;
}

test('removing it leaves nothing that refuses a pod, and what runs goes on', async () => {
  const load = await client.ask<{ id: string }>('load/start', {
    url: 'http://web/whoami',
    concurrency: 2,
    rate: 50,
    durationMs: 300_000,
  });
  await uninstallHeddle(mesh.kubectl, OVERLAY);
  await eventually('no webhook configuration is left', async () => {
    const found = await Promise.all(
      ['mutatingwebhookconfiguration', 'validatingwebhookconfiguration'].map((kind) =>
        getJson(mesh.kubectl, [kind, 'heddle']),
      ),
    );
    return found.every((one) => one === undefined);
  });
  // The namespace still says `required`: nobody is left to insist.
  expect(await dryPod()).not.toContain(CONTAINER.proxy);
  const result = await client.ask<LoadResult>('load/stop', load);
  expect([result.byStatus, result.errors]).toEqual([{ '200': result.done }, 0]);
});

test('applied once more it converges: pods are injected and meshed again', async () => {
  await installHeddle(mesh.kubectl, { cluster: { name: CLUSTER }, overlay: OVERLAY });
  await eventually('pods are injected', async () => (await dryPod()).includes(CONTAINER.proxy), 60_000);
  for (const name of ['web', 'client']) await mesh.kubectl(['-n', NS, 'rollout', 'restart', `deployment/${name}`]);
  for (const name of ['web', 'client'])
    await mesh.kubectl(['-n', NS, 'rollout', 'status', `deployment/${name}`, '--timeout=120s']);
  await eventually('one client', async () => (await mesh.pods(NS, 'app=client')).length === 1, 60_000);
  client = await mesh.tester(NS, 'client');
  expect((await client.ask<{ status: number }>('fetch', { url: 'http://web/whoami' })).status).toBe(200);
});
