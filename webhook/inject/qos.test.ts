import { expect, test } from '@jest/globals';
import type { V1Container, V1Pod } from '@kubernetes/client-node';
import { CONTAINER } from '../../proxy/contract/bootstrap.ts';
import { inject } from './inject.ts';
import { allLimitCpu } from './qos.ts';
import { testDefaults } from './testing.ts';
import { readWishes } from './values.ts';

const container = (name: string, limits: Record<string, string>, requests = limits): V1Container => ({
  name,
  resources: { limits, requests },
});
const pod = (...containers: V1Container[]): V1Pod => ({ spec: { containers } });
const own = (given: V1Pod, annotations: Record<string, string> = {}) => {
  const wished = { ...given, metadata: { annotations } };
  const { pod: made } = inject(wished, readWishes(wished, testDefaults).values, undefined, () => 'a'.repeat(32));
  const of = (name: string) => made.spec?.initContainers?.find((one) => one.name === name)?.resources;
  return { init: of(CONTAINER.init), proxy: of(CONTAINER.proxy), made };
};

const LIMITED = pod(container('a', { cpu: '1', memory: '1Gi' }, { cpu: '100m', memory: '1Gi' }));

test('where a quota wants a CPU limit of every container, ours have one too', () => {
  const { init, proxy } = own(LIMITED);
  expect(init?.limits).toEqual({ cpu: '1', memory: '128Mi' });
  expect(proxy).toEqual({ requests: { cpu: '50m', memory: '96Mi' }, limits: { cpu: '1', memory: '256Mi' } });
});

test('it is never below the request', () => {
  expect(own(LIMITED, { 'heddle.dev/proxy-cpu-request': '2' }).proxy).toMatchObject({
    requests: { cpu: '2' },
    limits: { cpu: '2' },
  });
});

test.each([
  ['one container has none', pod(container('a', { cpu: '1' }), container('b', { memory: '1Gi' }))],
  ['none has one', pod(container('a', { memory: '1Gi' }))],
])('%s: ours neither', (_name, given) => {
  expect(own(given).proxy?.limits).toEqual({ memory: '256Mi' });
});

test('our own limits do not count when the webhook is asked again', () => {
  const mixed = own(pod(container('a', { memory: '1Gi' }))).made;
  expect(allLimitCpu(mixed, new Set(Object.values(CONTAINER)))).toBe(false);
});

test('a Guaranteed pod may ask for more than the usual quarter of a core', () => {
  const guaranteed = pod(container('a', { cpu: '1', memory: '1Gi' }));
  expect(own(guaranteed).proxy?.limits).toEqual({ cpu: '250m', memory: '256Mi' });
  expect(own(guaranteed, { 'heddle.dev/proxy-cpu-request': '500m' }).proxy).toEqual({
    requests: { cpu: '500m', memory: '256Mi' },
    limits: { cpu: '500m', memory: '256Mi' },
  });
});
