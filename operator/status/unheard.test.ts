import { expect, test } from '@jest/globals';
import { type PodOptions, pod } from '../model/testing/objects.ts';
import { worldOf } from '../model/testing/world.ts';
import { isComingBack, unheardPods } from './unheard.ts';

/** Counted: what it holds is unknown. Waited for: it should come back by itself. */
test.each<[string, PodOptions, 'counted, waited for' | 'counted' | 'nothing']>([
  ['ready', {}, 'counted, waited for'],
  [
    'stopped: its pod became unready, it decides as before once it goes on',
    { ready: false, proxy: { started: true } },
    'counted',
  ],
  ['its sidecar was restarted and has not started again', { ready: false, proxy: { restartCount: 1 } }, 'counted'],
  ['never started: it never held anything', { ready: false, proxy: {} }, 'nothing'],
  ['terminating, requests still run', { terminating: true, proxy: { started: true } }, 'counted'],
  ['a Job that has ended', { phase: 'Succeeded', ready: false, proxy: { started: false, restartCount: 1 } }, 'nothing'],
  ['without a proxy', { meshed: false }, 'nothing'],
])('%s', (_name, options, expected) => {
  const world = worldOf(pod('shop/order-1', options));
  const found = unheardPods(world, () => false);
  const waitedFor = found.some(isComingBack(world));
  expect(found.length === 0 ? 'nothing' : waitedFor ? 'counted, waited for' : 'counted').toBe(expected);
  expect(unheardPods(world, () => true)).toEqual([]);
});
