import { expect, test } from '@jest/globals';
import { silentLog } from '../proxy/base/log.ts';
import { FakeClock, settle } from '../proxy/base/testing/fake-clock.ts';
import { Cell } from '../proxy/base/watch.ts';
import type { AuthorityState } from './ca/ca.ts';
import { DONE } from './kube/kube.ts';
import { MemoryCluster } from './kube/testing/memory-cluster.ts';
import { World } from './model/model.ts';
import { createOwnControllers } from './own-controllers.ts';

const SLICE = 'endpointslices heddle-system/heddle-operator-leader';

test('the leader puts its address back at once when somebody else wrote or took its slice', async () => {
  const client = new MemoryCluster();
  const own = createOwnControllers({
    client,
    world: new World(),
    keep: { state: new Cell<AuthorityState>({ kind: 'starting' }), reconcile: async () => DONE },
    isLeader: () => true,
    podName: 'operator-a',
    podAddress: '10.1.0.1',
    clock: new FakeClock(),
    random: () => 0.5,
    log: silentLog,
    onOutcome: () => {},
  });
  own.start();
  await settle();
  expect(client.writes).toContain(`apply ${SLICE}`);
  client.objects.delete(SLICE);
  own.changed({ resource: 'endpointSlices', key: 'heddle-system/heddle-operator-leader', object: undefined });
  await settle();
  expect(client.objects.get(SLICE)).toMatchObject({ endpoints: [{ addresses: ['10.1.0.1'] }] });
  await own.stop();
});
