import { describe, expect, test } from '@jest/globals';
import { FakeClock } from '../../proxy/base/testing/fake-clock.ts';
import type { EventToTell } from '../kube/kube.ts';
import { type NamespaceRecord, type PodRecord, World } from '../model/model.ts';
import { createCoverage } from './coverage.ts';
import { decideCoverage } from './coverage-decision.ts';

function pod(part: Partial<PodRecord> = {}): PodRecord {
  return {
    namespace: 'shop',
    name: 'order-1',
    uid: 'u1',
    createdAt: '2026-01-01T00:00:00Z',
    addresses: ['10.1.0.7'],
    hostNetwork: false,
    labels: {},
    serviceAccount: 'order',
    workload: { kind: 'Deployment', name: 'order' },
    phase: 'Running',
    ready: true,
    terminating: false,
    ports: [],
    meshed: false,
    proxyStarted: false,
    excludedInboundPorts: [],
    ...part,
  };
}

function namespace(inject?: string): NamespaceRecord {
  return { name: 'shop', uid: 'n1', terminating: false, ...(inject === undefined ? {} : { inject }) };
}

const DISABLED = { 'heddle.dev/inject': 'disabled' };
const ENABLED = { 'heddle.dev/inject': 'enabled' };

describe('whether a pod has a proxy, and why not', () => {
  test.each<[string, PodRecord, NamespaceRecord | undefined, string]>([
    ['meshed', pod({ meshed: true }), namespace('enabled'), 'meshed'],
    ['meshed after the label went', pod({ meshed: true }), namespace(), 'meshed'],
    ['no label anywhere', pod(), namespace(), 'outside'],
    ['namespace not known yet', pod(), undefined, 'outside'],
    ['namespace disabled', pod(), namespace('disabled'), 'outside'],
    ['pod opted out', pod({ labels: DISABLED }), namespace('enabled'), 'outside'],
    ['pod opted out where that is refused', pod({ labels: DISABLED }), namespace('required'), 'missed'],
    ['older than the label', pod(), namespace('enabled'), 'missed'],
    ['asked for by the pod alone', pod({ labels: ENABLED }), namespace(), 'missed'],
    ['kube-system never', pod({ namespace: 'kube-system', labels: ENABLED }), namespace('enabled'), 'outside'],
    ['skipped by the injector', pod({ notInjected: 'HostNetwork' }), namespace('enabled'), 'skipped'],
  ])('%s', (_name, one, its, state) => {
    expect(decideCoverage(one, its).state).toBe(state);
  });

  test('the reason of the injector is read, and not trusted', () => {
    const good = decideCoverage(pod({ notInjected: 'HostNetwork' }), namespace('enabled'));
    expect(good).toEqual({
      state: 'skipped',
      reason: 'HostNetwork',
      sentence: expect.stringContaining('network of its node'),
    });
    const bad = decideCoverage(pod({ notInjected: '<script>' }), namespace('enabled'));
    expect(bad).toMatchObject({ reason: 'NotInjected', sentence: expect.not.stringContaining('script') });
  });
});

test('a pod is told about once, and again when its reason changes', () => {
  const clock = new FakeClock();
  const world = new World();
  const events: EventToTell[] = [];
  const coverage = createCoverage({ world, clock, tell: (event) => void events.push(event) });
  world.apply({ resource: 'namespaces', key: 'shop', object: namespace('enabled') });
  world.apply({ resource: 'pods', key: 'shop/order-1', object: pod() });
  coverage.start();
  clock.advance(2_000);
  coverage.worldChanged();
  clock.advance(2_000);
  expect(events.map((one) => one.reason)).toEqual(['NotMeshed']);
  expect(events[0]?.note).toContain('kubectl rollout restart -n shop deploy/order');
  world.apply({ resource: 'pods', key: 'shop/order-1', object: pod({ notInjected: 'PodSecurity' }) });
  coverage.worldChanged();
  clock.advance(2_000);
  expect(events.map((one) => one.reason)).toEqual(['NotMeshed', 'PodSecurity']);
  coverage.stop();
  expect(clock.pending).toBe(0);
});

test('a label on a namespace of many pods is told about bit by bit, each pod once', () => {
  const clock = new FakeClock();
  const world = new World();
  const names: string[] = [];
  const coverage = createCoverage({ world, clock, tell: ({ regarding }) => void names.push(regarding.name) });
  world.apply({ resource: 'namespaces', key: 'shop', object: namespace('enabled') });
  for (let at = 0; at < 50; at++) {
    const name = `order-${at}`;
    world.apply({ resource: 'pods', key: `shop/${name}`, object: pod({ name, uid: name }) });
  }
  coverage.start();
  const counts = [2_000, 2_000, 2_000, 2_000].map((ms) => {
    clock.advance(ms);
    return names.length;
  });
  expect(counts).toEqual([20, 40, 50, 50]);
  expect(new Set(names).size).toBe(50);
  expect(clock.pending).toBe(0);
  coverage.stop();
});

test('a namespace whose label means nothing is told about, until it means something', () => {
  const clock = new FakeClock();
  const world = new World();
  const events: EventToTell[] = [];
  const coverage = createCoverage({ world, clock, tell: (event) => void events.push(event) });
  coverage.start();
  for (const inject of ['true', 'true', 'enabled', undefined, 'Enabled']) {
    world.apply({ resource: 'namespaces', key: 'shop', object: namespace(inject) });
    coverage.worldChanged();
    clock.advance(2_000);
  }
  expect(events.map(({ regarding, reason }) => [regarding.kind, reason])).toEqual([
    ['Namespace', 'UnknownLabel'],
    ['Namespace', 'UnknownLabel'],
  ]);
  expect(events[0]?.note).toContain('heddle.dev/inject=true');
  coverage.stop();
});
