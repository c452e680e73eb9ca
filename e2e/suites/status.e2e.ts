import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { MeshPolicy } from '../../crds/gen/types.ts';
import { eventually, getJson } from '../../hack/mesh/kubectl.ts';
import type { LoadResult } from '../../hack/mesh/tester.ts';
import { CONTAINER } from '../../proxy/contract/bootstrap.ts';
import { meshPolicy, testerManifests } from '../harness/manifests.ts';
import { type Mesh, openMesh } from '../harness/mesh.ts';

const NS = 'e2e-status';
let mesh: Mesh;

beforeAll(async () => {
  mesh = await openMesh();
  await mesh.namespace(NS);
  await mesh.apply(
    ...testerManifests(NS, 'client', { noService: true, replicas: 3 }),
    ...testerManifests(NS, 'web-v1', { app: 'web', serviceAccount: 'web', version: 'v1' }),
    ...testerManifests(NS, 'web-v2', { app: 'web', serviceAccount: 'web', version: 'v2', noService: true }),
  );
  await mesh.available(NS);
});

afterAll(() => mesh.removeNamespace(NS));

const policy = (version: string) =>
  meshPolicy(NS, 'web', {
    targetRefs: [{ kind: 'Service', name: 'web' }],
    subsets: [
      { name: 'v1', labels: { version: 'v1' } },
      { name: 'v2', labels: { version: 'v2' } },
    ],
    routes: [{ name: 'all', backends: [{ subset: version, weight: 1 }] }],
  });

async function read(name = 'web'): Promise<MeshPolicy | undefined> {
  return getJson<MeshPolicy>(mesh.kubectl, ['-n', NS, 'meshpolicy', name]);
}

const condition = (object: MeshPolicy | undefined, type: string) =>
  object?.status?.conditions?.find((one) => one.type === type);

async function clients() {
  const { testerAt } = await import('../../hack/mesh/tester.ts');
  return (await mesh.pods(NS, 'app=client')).map((pod) => testerAt(pod.status!.podIP!));
}

test('after InForce=True no proxy decides by the old generation, on fresh and on older connections, within 2 s of the edit', async () => {
  const all = await clients();
  await mesh.apply(policy('v1'));
  await mesh.condition(NS, 'meshpolicy/web', 'Ready');
  for (const client of all) await client.ask('load', { url: 'http://web/whoami', count: 20 });
  let slowest = 0;
  for (const version of ['v2', 'v1', 'v2', 'v1', 'v2']) {
    // Older connections: loads that keep theirs open over the edit.
    const running = await Promise.all(
      all.map((client) =>
        client.ask<{ id: string }>('load/start', {
          url: 'http://web/whoami',
          concurrency: 2,
          rate: 100,
          durationMs: 60_000,
        }),
      ),
    );
    const edited = performance.now();
    await mesh.apply(policy(version));
    await mesh.condition(NS, 'meshpolicy/web', 'InForce', 10);
    slowest = Math.max(slowest, performance.now() - edited);
    const before = await Promise.all(all.map((client, index) => client.ask<LoadResult>('load/look', running[index])));
    for (const client of all) {
      const fresh = await client.ask<LoadResult>('load', { url: 'http://web/whoami', count: 30, keepAlive: false });
      expect(fresh.byVersion).toEqual({ [version]: 30 });
    }
    const after = await Promise.all(all.map((client, index) => client.ask<LoadResult>('load/stop', running[index])));
    const other = version === 'v1' ? 'v2' : 'v1';
    after.forEach((result, index) => {
      // Requests that were already on their way when the status was read may still be counted.
      expect((result.byVersion[other] ?? 0) - (before[index]!.byVersion[other] ?? 0)).toBeLessThanOrEqual(2);
      expect(result.errors).toBe(0);
    });
  }
  process.stderr.write(`figure: slowest edit until InForce=True (kubectl included) ${Math.round(slowest)} ms\n`);
  expect(slowest).toBeLessThan(2000);
});

test('the table says INFORCE n/n', async () => {
  const ran = await mesh.kubectl(['-n', NS, 'get', 'meshpolicy', 'web']);
  expect(ran.stdout).toMatch(/INFORCE/);
  const summary = (await read())?.status?.summary ?? '';
  const [inForce, selected] = summary.split('/').map(Number);
  expect(inForce).toBe(selected);
  expect(selected).toBeGreaterThanOrEqual(5);
});

test('while one proxy is stopped InForce is not True and names it; it recovers by itself', async () => {
  const [pod] = await mesh.pods(NS, 'app=client');
  const name = pod!.metadata!.name!;
  const pid = await mesh.pid(NS, name, CONTAINER.proxy);
  process.kill(pid, 'SIGSTOP');
  try {
    await mesh.apply(policy('v1'));
    const stuck = await eventually(
      'InForce is not True and the stopped proxy is named',
      async () => {
        const object = await read();
        const found = condition(object, 'InForce');
        const fresh = found?.observedGeneration === object?.metadata.generation;
        return fresh && found?.status !== 'True' && JSON.stringify(object?.status).includes(name) ? object : undefined;
      },
      20_000,
    );
    expect(condition(stuck, 'Ready')?.status).not.toBe('True');
    expect(stuck.status?.rollout).toMatchObject({ selected: expect.any(Number) });
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  await mesh.condition(NS, 'meshpolicy/web', 'Ready', 30);
});

test('a malformed policy is refused with the field path', async () => {
  const bad = meshPolicy(NS, 'bad', {
    targetRefs: [{ kind: 'Service', name: 'web' }],
    routes: [{ name: 'a', backends: [{ subset: 'nowhere', weight: 1 }] }],
  });
  const ran = await mesh.kubectl(['apply', '-f', '-'], { input: JSON.stringify(bad), allowFailure: true });
  expect(ran.code).not.toBe(0);
  expect(ran.stderr).toContain('spec.routes[0].backends[0].subset');
});

test('a policy for a Service that does not exist says TargetNotFound and recovers when it appears', async () => {
  await mesh.apply(
    meshPolicy(NS, 'later', { targetRefs: [{ kind: 'Service', name: 'later' }], loadBalancing: { policy: 'Random' } }),
  );
  await eventually(
    'Accepted=False TargetNotFound',
    async () => {
      const found = condition(await read('later'), 'Accepted');
      return found?.status === 'False' && found.reason === 'TargetNotFound';
    },
    20_000,
  );
  await mesh.apply(...testerManifests(NS, 'later'));
  await mesh.condition(NS, 'meshpolicy/later', 'Ready', 60);
});

test('an event is written on transitions and describe reads like a sentence', async () => {
  const ran = await mesh.kubectl(['-n', NS, 'describe', 'meshpolicy', 'later']);
  process.stderr.write(ran.stdout);
  expect(ran.stdout).toMatch(/Accepted|InForce|Ready/);
  expect(ran.stdout).toMatch(/Events:\s+Type/);
});

test('callers without a proxy are named with the command that mends it', async () => {
  const off = 'e2e-status-off';
  await mesh.namespace(off, {});
  try {
    await mesh.apply(...testerManifests(off, 'old', { replicas: 2 }));
    await mesh.available(off);
    await mesh.kubectl(['label', 'namespace', off, 'heddle.dev/inject=enabled']);
    await mesh.apply(
      meshPolicy(off, 'old', { targetRefs: [{ kind: 'Service', name: 'old' }], loadBalancing: { policy: 'Random' } }),
    );
    await eventually(
      'the status names the unmeshed pods',
      async () => {
        const object = await getJson<MeshPolicy>(mesh.kubectl, ['-n', off, 'meshpolicy', 'old']);
        return /0 of 2 pods .*rollout restart/.test(JSON.stringify(object?.status ?? {}));
      },
      20_000,
    );
  } finally {
    await mesh.removeNamespace(off);
  }
});
