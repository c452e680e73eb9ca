import { expect, test } from '@jest/globals';
import { explain } from './ending.ts';
import { flagsOf } from './options.ts';
import { report } from './report.ts';
import type { Findings } from './shop.ts';

const FOUND: Findings = {
  identities: [{ workload: 'order', identity: 'spiffe://cluster.local/ns/shop/sa/order' }],
  calls: [{ from: 'order', to: 'payment-v1', mutual: 3800, plain: 0, refused: 0 }],
  split: { v1: 3800, v2: 200 },
  orders: { placed: 600, failed: 0 },
  payments: { charges: 600, repeated: 0, refused: 61 },
  retries: 61,
  latency: { p50: 5, p90: 6, p99: 9, max: 12 },
  ordersPerSecond: 120,
  policy: {
    apiVersion: 'heddle.dev/v1alpha1',
    kind: 'MeshPolicy',
    metadata: {
      name: 'payment',
      namespace: 'shop',
      uid: 'u',
      generation: 1,
      creationTimestamp: '2026-01-02T03:04:05Z',
    },
    spec: { targetRefs: [] },
  },
  table: 'NAME      READY\npayment   True\n',
};
const HINTS = { environment: 'export KUBECONFIG=/k', remove: 'npm run demo:down' };

test('the report says what was found, and not what was hoped for', () => {
  const good = report(FOUND, HINTS);
  expect(good).toContain('observed 95.0 % v1, 5.0 % v2 of 4000 charges');
  expect(good).toContain('600 charges: one for each order');
  const bad = report(
    {
      ...FOUND,
      split: { v1: 0, v2: 0 },
      payments: { ...FOUND.payments, charges: 601 },
      calls: [{ from: 'order', to: 'payment-v1', mutual: 1, plain: 7, refused: 2 }],
    },
    HINTS,
  );
  expect(bad).toContain('observed none v1, none v2');
  expect(bad).toContain('601 charges: NOT one for each order');
  expect(bad).toMatch(/order +-> payment-v1 +1 over mutual TLS, 7 in plaintext \(2 refused\)/);
});

test('an error is told with its causes, the first thing first', () => {
  expect(explain(new Error('no', { cause: new Error('because of this', { cause: 'that' }) }))).toBe(
    'error: no\n  because: because of this\n  because: that',
  );
});

test('commands that a person is told name the same cluster', () => {
  expect(flagsOf({ kind: 'own', name: 'heddle' })).toBe('');
  expect(flagsOf({ kind: 'own', name: 'two' })).toBe(' -- --name two');
  expect(flagsOf({ kind: 'current', name: 'heddle' })).toBe(' -- --cluster current');
});
