import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { V1Pod } from '@kubernetes/client-node';
import type { MeshPolicy } from '../../crds/gen/types.ts';
import { eventually, getJson } from '../../hack/mesh/kubectl.ts';
import { type LoadResult, testerAt } from '../../hack/mesh/tester.ts';
import { CONTAINER } from '../../proxy/contract/bootstrap.ts';
import { followEdits } from '../harness/in-force.ts';
import { accessPolicy, type Manifest, meshPolicy, testerManifests } from '../harness/manifests.ts';
import { addressOf, isReady, type Mesh, openMesh } from '../harness/mesh.ts';
import { broken, type Probe, reconnected, startProbes } from '../harness/probes.ts';

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

/** Every pod with a proxy here: the callers, and the callees, which call too. */
async function meshed(): Promise<V1Pod[]> {
  const pods = [...(await mesh.pods(NS, 'app=client')), ...(await mesh.pods(NS, 'app=web'))];
  return pods.filter(isReady);
}

interface Promised {
  readonly pods: readonly V1Pod[];
  readonly urlOf: (pod: V1Pod) => string;
  readonly object: string;
  /** One after the other; `expected`: what every call that is started under it gets. */
  readonly edits: readonly { readonly manifest: Manifest; readonly expected: string }[];
  readonly countsOf: (since: NonNullable<LoadResult['since']>) => Readonly<Record<string, number>>;
}

/**
 * The policy's promise, edit by edit: of the calls that were started after `InForce=True` was read, none is decided by the old generation, through
 * any selected proxy. A call that was under way when it was read was decided before: it is `draining`, and no decision of it follows.
 * Returns the slowest edit, in milliseconds from the API server's taking it to the reading of `InForce=True`.
 */
async function decidedByTheNewOne({ pods, urlOf, object, edits, countsOf }: Promised): Promise<number> {
  const probes = await startProbes(pods, urlOf);
  const following = await followEdits(mesh, NS, object);
  let all: readonly Probe[] = [];
  let slowest = 0;
  let withKubectl = 0;
  let judged = 0;
  try {
    for (const { manifest, expected } of edits) {
      const { at, tookMs, withKubectlMs, selected } = await following.edit(() => mesh.apply(manifest));
      slowest = Math.max(slowest, tookMs);
      withKubectl = Math.max(withKubectl, withKubectlMs);
      // Whoever is counted is probed, and nobody else.
      expect(selected).toBe(pods.length);
      for (const { name, result } of await probes.after(at)) {
        const counts = countsOf(result.since!);
        judged += Object.values(counts).reduce((sum, count) => sum + count, 0);
        expect([name, Object.keys(counts)]).toEqual([name, [expected]]);
      }
    }
  } finally {
    following.stop();
    all = await probes.stop();
  }
  expect({ reconnected: reconnected(all), broken: broken(all) }).toEqual({ reconnected: [], broken: [] });
  process.stderr.write(
    `figure: ${object}, ${edits.length} edits probed through ${pods.length} proxies of ${pods.length} selected: ${judged} calls after InForce=True, 0 by the old generation; slowest edit until it was read ${Math.round(slowest)} ms (${Math.round(withKubectl)} with kubectl)\n`,
  );
  return slowest;
}

test('after InForce=True no selected proxy decides by the old generation, on fresh and on older connections, within 2 s of the edit', async () => {
  await mesh.apply(policy('v1'));
  await mesh.condition(NS, 'meshpolicy/web', 'Ready');
  const slowest = await decidedByTheNewOne({
    pods: await meshed(),
    urlOf: () => 'http://web/whoami',
    object: 'meshpolicy/web',
    edits: ['v2', 'v1', 'v2', 'v1', 'v2'].map((version) => ({ manifest: policy(version), expected: version })),
    countsOf: (since) => since.byVersion,
  });
  expect(slowest).toBeLessThan(2000);
});

test('the same of an access policy, which the called proxies decide', async () => {
  const door = (action: 'Allow' | 'Deny') =>
    accessPolicy(NS, 'door', {
      authorization: {
        defaultAction: 'Allow',
        rules: [
          { name: 'door', action, from: [{ anyone: true }], to: [{ paths: [{ type: 'Exact', value: '/whoami' }] }] },
        ],
      },
    });
  await mesh.apply(door('Allow'));
  await mesh.condition(NS, 'meshaccesspolicy/door', 'Ready');
  const pods = await meshed();
  // In a ring, so that each proxy is called by one other.
  const next = (pod: V1Pod): V1Pod => pods[(pods.indexOf(pod) + 1) % pods.length]!;
  const slowest = await decidedByTheNewOne({
    pods,
    urlOf: (pod) => `http://${addressOf(next(pod))}:8080/whoami`,
    object: 'meshaccesspolicy/door',
    edits: ['Deny', 'Allow', 'Deny', 'Allow'].map((action) => ({
      manifest: door(action as 'Allow' | 'Deny'),
      expected: action === 'Deny' ? '403' : '200',
    })),
    countsOf: (since) => since.byStatus,
  });
  expect(slowest).toBeLessThan(2000);
  await mesh.kubectl(['-n', NS, 'delete', 'meshaccesspolicy', 'door']);
});

/** The suites' proxies give a key up that they do not use for 20 s, and are then not selected by its policy any more. */
async function useWeb(pods: readonly V1Pod[]): Promise<void> {
  const call = (pod: V1Pod): Promise<unknown> =>
    testerAt(addressOf(pod)).ask('load', { url: 'http://web/whoami', count: 1 });
  await Promise.all(pods.map(call));
}

test('the table says INFORCE n/n', async () => {
  const pods = await meshed();
  await eventually('every proxy is in force, and counted', async () => {
    await useWeb(pods);
    return (await read())?.status?.summary === `${pods.length}/${pods.length}`;
  });
  const ran = await mesh.kubectl(['-n', NS, 'get', 'meshpolicy', 'web']);
  expect(ran.stdout).toMatch(/INFORCE/);
});

test('while one proxy is stopped InForce is not True and names it; it recovers by itself', async () => {
  const [pod] = await mesh.pods(NS, 'app=client');
  const name = pod!.metadata!.name!;
  const pid = await mesh.pid(NS, name, CONTAINER.proxy);
  await useWeb([pod!]);
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
