import { describe, expect, test } from '@jest/globals';
import { FakeClock } from '../../proxy/base/testing/fake-clock.ts';
import type { EventToTell } from '../kube/kube.ts';
import type { World } from '../model/model.ts';
import { namespace, node, type PodOptions, pod, policy, serviceCidr } from '../model/testing/objects.ts';
import { applyAll, remove, worldOf } from '../model/testing/world.ts';
import { createOutsideRanges } from './outside-ranges.ts';
import { outsideSentence, podsOutside } from './outside-ranges-decision.ts';

const CLUSTER = [node('node-a', { podRanges: ['10.1.0.0/24', 'fd00:1::/64'] }), serviceCidr('10.96.0.0/16')];
const OUTSIDE = '192.168.4.7';

describe('which pods are outside of the known networks', () => {
  test.each<[string, PodOptions, number]>([
    ["inside of its node's", { ip: '10.1.0.7' }, 0],
    ['outside', { ip: OUTSIDE }, 1],
    ['one of two addresses outside', { ip: ['10.1.0.7', 'fd00:2::7'] }, 1],
    ['no address yet', {}, 0],
    ['without a proxy', { ip: OUTSIDE, meshed: false }, 0],
    ['on the network of its node', { ip: OUTSIDE, hostNetwork: true }, 0],
    ['ended', { ip: OUTSIDE, phase: 'Succeeded' }, 0],
    ['leaving', { ip: OUTSIDE, terminating: true }, 0],
  ])('%s', (_name, options, count) => {
    expect(podsOutside(worldOf(...CLUSTER, pod('shop/order-1', options))).count).toBe(count);
  });

  test('what MeshConfig names is known', () => {
    const config = policy('MeshConfig', 'default', { clusterRanges: ['192.168.0.0/16'] });
    expect(podsOutside(worldOf(...CLUSTER, config, pod('shop/order-1', { ip: OUTSIDE })))).toEqual({
      count: 0,
      first: [],
    });
  });

  test('the first five are named, the others counted', () => {
    const pods = Array.from({ length: 12 }, (_, index) =>
      pod(`shop/order-${String(index).padStart(2, '0')}`, { ip: `192.168.4.${index}` }),
    );
    const outside = podsOutside(worldOf(...CLUSTER, ...pods.reverse()));
    expect(outside.count).toBe(12);
    expect(outside.first[0]).toBe('shop/order-00 (192.168.4.0)');
    const sentence = outsideSentence(outside);
    expect(sentence).toMatch(/^12 meshed pods have addresses outside .*spec\.clusterRanges/);
    expect(sentence).toMatch(/order-04 \(192\.168\.4\.4\) and 7 more$/);
  });
});

interface Told {
  readonly world: World;
  readonly events: EventToTell[];
  readonly clock: FakeClock;
  /** Applies objects, or removes them, and lets two looks pass. */
  change(act: (world: World) => void): void;
  stop(): void;
}

function watching(...objects: readonly unknown[]): Told {
  const clock = new FakeClock();
  const events: EventToTell[] = [];
  const world = worldOf(...CLUSTER, namespace('heddle-system'), ...objects);
  const controller = createOutsideRanges({ world, clock, tell: (event) => void events.push(event) });
  controller.start();
  clock.advance(2_000);
  return {
    world,
    events,
    clock,
    change(act) {
      act(world);
      controller.worldChanged();
      clock.advance(4_000);
    },
    stop: () => controller.stop(),
  };
}

const MINUTE_MS = 60_000;
const STRAY = pod('shop/order-1', { ip: OUTSIDE });

test('a pod that stays outside is told about after ten seconds, on the MeshConfig, and again within the hour that events live', () => {
  const told = watching(policy('MeshConfig', 'default', {}), STRAY);
  told.clock.advance(9_900);
  expect(told.events).toEqual([]);
  told.clock.advance(200);
  expect(told.events).toMatchObject([
    { regarding: { kind: 'MeshConfig', name: 'default' }, type: 'Warning', reason: 'AddressOutsideRanges' },
  ]);
  told.change((world) => applyAll(world, pod('shop/order-2', { ip: '192.168.4.8' })));
  expect(told.events.length).toBe(1);
  told.clock.advance(54 * MINUTE_MS);
  expect(told.events.length).toBe(1);
  told.clock.advance(2 * MINUTE_MS);
  expect(told.events.map(({ note }) => note.includes('shop/order-2'))).toEqual([false, true]);
  told.stop();
  expect(told.clock.pending).toBe(0);
});

test('a node that names its network a moment later ends it unsaid', () => {
  const told = watching(STRAY);
  told.change((world) => applyAll(world, node('node-b', { podRanges: ['192.168.4.0/24'] })));
  told.clock.advance(60 * MINUTE_MS);
  expect(told.events).toEqual([]);
  expect(told.clock.pending).toBe(0);
});

test('without a MeshConfig the Namespace of the mesh bears the event; what ended and begins again is told again', () => {
  const told = watching(STRAY);
  told.clock.advance(11_000);
  told.change((world) => remove(world, STRAY));
  expect(told.clock.pending).toBe(0);
  told.change((world) => applyAll(world, STRAY));
  told.clock.advance(11_000);
  expect(told.events.map(({ regarding }) => regarding)).toMatchObject([
    { kind: 'Namespace', name: 'heddle-system', uid: 'uid-heddle-system' },
    { kind: 'Namespace', name: 'heddle-system' },
  ]);
  told.stop();
});
