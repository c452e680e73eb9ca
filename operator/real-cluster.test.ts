import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { systemClock } from '../proxy/base/clock.ts';
import { silentLog } from '../proxy/base/log.ts';
import { until } from '../proxy/base/testing/wait.ts';
import { createAuthenticate } from './ca/ca.ts';
import {
  applyObject,
  createElection,
  createEventRecorder,
  createInformer,
  createKubeClient,
  type KubeClient,
  type KubeObject,
  loadConnection,
  RESOURCES,
} from './kube/kube.ts';

/**
 * What only a real API server can show: its watches, conflicts, server-side apply, leases, events and token reviews.
 * Runs where HEDDLE_TEST_KUBECONFIG names a cluster (`npm run cluster -- up`), in a namespace of its own; skipped elsewhere.
 */
const kubeconfig = process.env['HEDDLE_TEST_KUBECONFIG'];
const onCluster = kubeconfig === undefined ? describe.skip : describe;
const NAMESPACE = `heddle-test-${process.pid}`;
const serviceAccounts = {
  group: '',
  version: 'v1',
  plural: 'serviceaccounts',
  kind: 'ServiceAccount',
  namespaced: true,
};
const common = { clock: systemClock, random: Math.random, log: silentLog };

let client: KubeClient;

interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}
const configMap = (name: string, data: Record<string, string>): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace: NAMESPACE, name },
  data,
});

onCluster('on a real API server', () => {
  beforeAll(async () => {
    client = createKubeClient(await loadConnection({ file: kubeconfig ?? '', env: {}, now: () => performance.now() }));
    await client.create(RESOURCES.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
  });
  afterAll(async () => {
    await client.remove(RESOURCES.namespaces, { name: NAMESPACE });
    client.close();
  });

  test('an informer lists in pages and follows every change; one that is told to lists anew', async () => {
    for (let number = 0; number < 7; number++)
      await client.create(RESOURCES.configMaps, configMap(`page-${number}`, { number: String(number) }));
    const changes: string[] = [];
    const informer = createInformer<string>({
      ...common,
      client,
      resource: RESOURCES.configMaps,
      namespace: NAMESPACE,
      pageSize: 3,
      strip: (raw) => (raw.metadata.name.startsWith('page-') ? ((raw as ConfigMap).data?.['number'] ?? '') : undefined),
      onChange: (change) => changes.push(`${change.key}=${change.object}`),
    });
    informer.start();
    await informer.synced;
    expect([...informer.values()].sort()).toEqual(['0', '1', '2', '3', '4', '5', '6']);
    await until('watching', () => informer.state.value.kind === 'watching');
    await client.mergePatch(
      RESOURCES.configMaps,
      { namespace: NAMESPACE, name: 'page-1' },
      { data: { number: 'one' } },
    );
    await client.remove(RESOURCES.configMaps, { namespace: NAMESPACE, name: 'page-2' });
    await until('both changes', () => changes.length === 9);
    expect(changes.slice(7)).toEqual([`${NAMESPACE}/page-1=one`, `${NAMESPACE}/page-2=undefined`]);
    informer.relist();
    await client.create(RESOURCES.configMaps, configMap('page-7', { number: '7' }));
    await until('the change after', () => changes.length === 10);
    await informer.stop();
  });

  test('a kind that does not exist is absent', async () => {
    const informer = createInformer<string>({
      ...common,
      client,
      resource: {
        group: 'heddle.dev',
        version: 'v1alpha1',
        plural: 'nosuchkinds',
        kind: 'NoSuchKind',
        namespaced: true,
      },
      strip: (raw) => raw.metadata.name,
      onChange: () => {},
    });
    informer.start();
    await informer.synced;
    expect(informer.state.value.kind).toBe('absent');
    await informer.stop();
  });

  test('apply creates, takes its fields back and leaves an equal object alone', async () => {
    const options = { client, resource: RESOURCES.configMaps, manager: 'heddle-test' };
    const ref = { namespace: NAMESPACE, name: 'applied' };
    const wanted = configMap('applied', { mine: 'a' });
    expect(await applyObject(options, wanted, undefined)).toBe('written');
    await client.mergePatch(RESOURCES.configMaps, ref, { data: { mine: 'changed', other: 'b' } });
    expect(await applyObject(options, wanted, await client.find(RESOURCES.configMaps, ref))).toBe('written');
    const live = await client.get<ConfigMap>(RESOURCES.configMaps, ref);
    expect(live.data).toEqual({ mine: 'a', other: 'b' });
    expect(await applyObject(options, wanted, live)).toBe('unchanged');
  });

  test('one of two leads, and the other takes over when it stops', async () => {
    const lease = { namespace: NAMESPACE, name: 'election' };
    const [a, b] = ['a/', 'b/'].map((identity) => createElection({ ...common, client, lease, identity }));
    if (a === undefined || b === undefined) throw new Error('two elections');
    a.start();
    await until('a leads', () => a.isLeader());
    b.start();
    await until('b follows', () => b.leadership.value.kind === 'follower' && b.leadership.value.holder === 'a/');
    await a.stop();
    await until('b leads', () => b.isLeader());
    expect(a.isLeader()).toBe(false);
    await b.stop();
  });

  test('an event is told, and kubectl would find it by its object', async () => {
    const tell = createEventRecorder({ ...common, client, controller: 'heddle.dev/test', instance: 'test' });
    const regarding = { apiVersion: 'v1', kind: 'ConfigMap', namespace: NAMESPACE, name: 'applied' };
    tell({ regarding, type: 'Normal', reason: 'Tested', action: 'Test', note: 'a test told this.' });
    const found = await until('the event', async () => {
      const page = await client.list(
        { group: '', version: 'v1', plural: 'events', kind: 'Event', namespaced: true },
        { namespace: NAMESPACE, fieldSelector: 'involvedObject.name=applied' },
      );
      return page.items[0];
    });
    expect(found).toMatchObject({
      reason: 'Tested',
      message: 'a test told this.',
      reportingComponent: 'heddle.dev/test',
    });
  });

  test('a pod-bound token of our audience is believed, any other is not', async () => {
    const account = { namespace: NAMESPACE, name: 'order' };
    await client.create(serviceAccounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: account });
    const pod = await client.create<KubeObject & { spec: object }>(RESOURCES.pods, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { namespace: NAMESPACE, name: 'order-1' },
      spec: {
        serviceAccountName: 'order',
        nodeSelector: { 'heddle.dev/no-such-node': 'true' },
        containers: [{ name: 'app', image: 'none' }],
      },
    });
    const token = async (audience: string, bound: boolean): Promise<string> => {
      const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name: 'order-1', uid: pod.metadata.uid };
      const answer = await client.createSub<{ status: { token: string } }>(serviceAccounts, account, 'token', {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: { audiences: [audience], ...(bound ? { boundObjectRef } : {}) },
      });
      return answer.status.token;
    };
    const authenticate = createAuthenticate(client);
    expect(await authenticate(await token('heddle', true))).toEqual({
      ok: true,
      pod: { namespace: NAMESPACE, serviceAccount: 'order', podName: 'order-1', podUid: pod.metadata.uid },
    });
    expect(await authenticate(await token('heddle', false))).toMatchObject({ ok: false, reason: 'TokenNotPodBound' });
    expect(await authenticate(await token('else', true))).toMatchObject({ ok: false, reason: 'TokenInvalid' });
    const good = await token('heddle', true);
    await client.remove(RESOURCES.pods, { namespace: NAMESPACE, name: 'order-1' });
    await until('the token of a deleted pod is refused', async () => !(await authenticate(good)).ok);
  });
});
