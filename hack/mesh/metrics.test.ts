import { expect, test } from '@jest/globals';
import { parseMetrics, sum } from './metrics.ts';

const TEXT = `# HELP heddle_requests_total requests
# TYPE heddle_requests_total counter
heddle_requests_total{code="200",destination_workload="payment-v1"} 95
heddle_requests_total{code="503",destination_workload="payment-v1"} 2
heddle_requests_total{code="200",destination_workload="payment-v2"} 5
heddle_up 1
heddle_odd{text="a \\"quoted\\" name, with comma"} 3.5e2
`;

test('samples are read with their labels', () => {
  const samples = parseMetrics(TEXT);
  expect(samples).toHaveLength(5);
  expect(samples[4]).toEqual({ name: 'heddle_odd', labels: { text: 'a "quoted" name, with comma' }, value: 350 });
});

test('sums pick by label, by text or pattern', () => {
  const samples = parseMetrics(TEXT);
  expect(sum(samples, 'heddle_requests_total')).toBe(102);
  expect(sum(samples, 'heddle_requests_total', { code: '200' })).toBe(100);
  expect(sum(samples, 'heddle_requests_total', { destination_workload: /v1$/, code: /^5/ })).toBe(2);
});
