import { describe, expect, test } from '@jest/globals';
import { readConfig } from './config.ts';
import { readiness } from './health.ts';
import { MemoryCluster } from './kube/testing/memory-cluster.ts';
import { controlAddressOf, createLeaderEndpointsReconcile, replicaIdentity } from './leader-endpoints.ts';

const SLICE = 'endpointslices heddle-system/heddle-operator-leader';

describe('endpoints of the leader', () => {
  const reconcileOf = (client: MemoryCluster, podName: string, podAddress: string | undefined, isLeader = () => true) =>
    createLeaderEndpointsReconcile({ client, podName, podAddress, isLeader });

  test('one write puts the new leader in the place of the old one', async () => {
    const client = new MemoryCluster();
    await reconcileOf(client, 'a', '10.1.0.1')();
    await reconcileOf(client, 'b', '10.1.0.2')();
    expect(client.writes).toEqual([`apply ${SLICE}`, `apply ${SLICE}`]);
    expect(client.objects.get(SLICE)).toMatchObject({ addressType: 'IPv4', endpoints: [{ addresses: ['10.1.0.2'] }] });
    await reconcileOf(client, 'b', '10.1.0.2')();
    expect(client.writes).toHaveLength(2);
  });

  test('of another family: made anew, because the type cannot be changed', async () => {
    const client = new MemoryCluster();
    await reconcileOf(client, 'a', '10.1.0.1')();
    await reconcileOf(client, 'b', 'fd00::1')();
    expect(client.writes.slice(1)).toEqual([`remove ${SLICE}`, `apply ${SLICE}`]);
    expect(client.objects.get(SLICE)).toMatchObject({ addressType: 'IPv6' });
  });

  test('nothing by a standby, nothing outside a cluster', async () => {
    const client = new MemoryCluster();
    await reconcileOf(client, 'a', '10.1.0.1', () => false)();
    await reconcileOf(client, 'a', undefined)();
    expect(client.writes).toEqual([]);
  });

  test.each([
    [replicaIdentity('pod-a', '10.1.0.1'), '10.1.0.1:19810'],
    [replicaIdentity('pod-a', 'fd00::1'), '[fd00::1]:19810'],
    [replicaIdentity('pod-a', undefined), undefined],
    ['', undefined],
    ['somebody-else', undefined],
  ])('a proxy is sent from %s to %s', (identity, address) => {
    expect(controlAddressOf(identity)).toBe(address);
  });
});

describe('readiness', () => {
  const serving = { keyPem: '', chainPem: '', bundlePem: '', notBefore: 0, notAfter: 0 };
  const authority = { kind: 'ready', slots: {}, signer: {}, bundle: '' } as never;
  test.each([
    [{ unsynced: [], authority, serving, stopping: false }, 200, 'ready'],
    [{ unsynced: ['pods', 'nodes'], authority, serving, stopping: false }, 503, 'first list of pods, nodes'],
    [{ unsynced: [], authority: { kind: 'starting' } as const, serving: undefined, stopping: false }, 503, 'heddle-ca'],
    [
      {
        unsynced: [],
        authority: { kind: 'stopped', reason: 'RootMissing', message: 'the root is lost' } as const,
        serving,
        stopping: false,
      },
      503,
      'the root is lost',
    ],
    [{ unsynced: [], authority, serving: undefined, stopping: false }, 503, 'serving certificate'],
    [{ unsynced: [], authority, serving, stopping: true }, 503, 'shutting down'],
  ])('%#', (facts, status, words) => {
    const answer = readiness(facts);
    expect(answer.status).toBe(status);
    expect(answer.text).toContain(words);
  });
});

describe('configuration of the process', () => {
  test('defaults', () => {
    expect(readConfig({}, 'machine')).toEqual({
      podName: 'machine',
      podAddress: undefined,
      namespace: 'heddle-system',
      kubeconfig: undefined,
      logLevel: 'info',
      host: undefined,
      controlPort: 19810,
      healthPort: 19804,
      metricsPort: 19805,
    });
  });

  test('a wrong value names its variable', () => {
    expect(() => readConfig({ LOG_LEVEL: 'loud' }, 'm')).toThrow('LOG_LEVEL');
    expect(() => readConfig({ CONTROL_PORT: 'x' }, 'm')).toThrow('CONTROL_PORT');
  });
});
