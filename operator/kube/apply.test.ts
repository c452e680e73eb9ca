import { describe, expect, test } from '@jest/globals';
import { silentLog } from '../../proxy/base/log.ts';
import { FakeClock, settle } from '../../proxy/base/testing/fake-clock.ts';
import { applyObject, covers } from './apply.ts';
import { createEventRecorder, type EventToTell } from './events.ts';
import { RESOURCES } from './resource.ts';
import { MemoryCluster } from './testing/memory-cluster.ts';

describe('covers', () => {
  test.each<[string, unknown, unknown, boolean]>([
    ['equal', { a: 1 }, { a: 1 }, true],
    ['live holds more', { a: 1, b: 2 }, { a: 1 }, true],
    ['a value differs', { a: 1 }, { a: 2 }, false],
    ['missing', {}, { a: 1 }, false],
    ['list longer in live', { a: [1, 2] }, { a: [1] }, false],
    ['list items may hold defaults', { a: [{ b: 1, d: 0 }] }, { a: [{ b: 1 }] }, true],
    ['undefined members are not wanted', { a: 1 }, { a: 1, b: undefined }, true],
    ['list against object', { a: { 0: 1 } }, { a: [1] }, false],
    ['object against list', { a: [1] }, { a: { 0: 1 } }, false],
    ['null against missing', {}, { a: null }, false],
  ])('%s', (_, live, wanted, expected) => {
    expect(covers(live, wanted)).toBe(expected);
  });
});

test('apply writes only what differs from the live object', async () => {
  const client = new MemoryCluster();
  const wanted = { metadata: { namespace: 'shop', name: 'trust' }, data: { pem: 'x' } };
  const options = { client, resource: RESOURCES.configMaps, manager: 'heddle-trust' };
  expect(await applyObject(options, wanted, undefined)).toBe('written');
  const live = await client.find(RESOURCES.configMaps, wanted.metadata);
  expect(await applyObject(options, wanted, live)).toBe('unchanged');
  expect(await applyObject(options, { ...wanted, data: { pem: 'y' } }, live)).toBe('written');
  expect(client.writes).toEqual(['apply configmaps shop/trust', 'apply configmaps shop/trust']);
});

test('the same event is told once in ten minutes, and a failing API disturbs nobody', async () => {
  const client = new MemoryCluster();
  const clock = new FakeClock();
  const tell = createEventRecorder({
    client,
    controller: 'heddle.dev/operator',
    instance: 'operator-1',
    clock,
    log: silentLog,
  });
  const event: EventToTell = {
    regarding: { apiVersion: 'heddle.dev/v1alpha1', kind: 'MeshPolicy', namespace: 'shop', name: 'payment', uid: '7' },
    type: 'Normal',
    reason: 'InForce',
    action: 'Rollout',
    note: 'in force on 7 of 7',
  };
  tell(event);
  tell(event);
  tell({ ...event, note: 'in force on 8 of 8' });
  await settle();
  expect(client.objects.size).toBe(2);
  clock.advance(10 * 60_000);
  tell(event);
  await settle();
  expect(client.objects.size).toBe(3);
  client.before = () => {
    throw new Error('down');
  };
  tell({ ...event, note: 'while down' });
  await settle();
  expect(client.objects.size).toBe(3);
});
