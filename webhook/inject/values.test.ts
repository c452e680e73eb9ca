import { expect, test } from '@jest/globals';
import { testDefaults } from './testing.ts';
import { readWishes } from './values.ts';

const wishes = (annotations: Record<string, string>) => readWishes({ metadata: { annotations } }, testDefaults);

test('annotations overlay the defaults', () => {
  const { values, problems, warnings } = wishes({
    'heddle.dev/exclude-inbound-ports': '9090, 9091',
    'heddle.dev/exclude-outbound-cidrs': '10.0.0.0/8,fd00::/8',
    'heddle.dev/proxy-cpu-request': '200m',
    'heddle.dev/log-level': 'debug',
    'heddle.dev/pre-stop-sleep': 'disabled',
  });
  expect({ problems, warnings }).toEqual({ problems: [], warnings: [] });
  expect(values).toMatchObject({
    excludeInboundPorts: [9090, 9091],
    excludeOutboundCidrs: ['10.0.0.0/8', 'fd00::/8'],
    cpuRequest: '200m',
    logLevel: 'debug',
    preStopSleep: false,
  });
});

test.each([
  ['heddle.dev/exclude-inbound-ports', '80,http'],
  ['heddle.dev/exclude-outbound-ports', '0'],
  ['heddle.dev/exclude-outbound-ports', '65536'],
  ['heddle.dev/exclude-outbound-cidrs', '10.0.0.0'],
  ['heddle.dev/exclude-outbound-cidrs', '10.0.0.0/33'],
  ['heddle.dev/proxy-memory-limit', 'lots'],
  ['heddle.dev/log-level', 'loud'],
  ['heddle.dev/pre-stop-sleep', 'no'],
])('%s=%s is refused by name and keeps the default', (annotation, text) => {
  const { problems, values } = wishes({ [annotation]: text });
  expect(problems).toEqual([{ annotation, message: expect.stringContaining('"') }]);
  expect(values).toMatchObject(testDefaults);
});

test('a request above its limit is refused by name', () => {
  const { problems } = wishes({ 'heddle.dev/proxy-memory-request': '512Mi' });
  expect(problems).toEqual([
    { annotation: 'heddle.dev/proxy-memory-request', message: expect.stringContaining('limited to 256Mi') },
  ]);
  const both = wishes({ 'heddle.dev/proxy-memory-request': '512Mi', 'heddle.dev/proxy-memory-limit': '1Gi' });
  expect(both.problems).toEqual([]);
});

test('unknown names under our prefix are warned about, others are not ours', () => {
  const { warnings, problems } = wishes({ 'heddle.dev/exclude-ports': '1', 'example.com/x': 'y' });
  expect(problems).toEqual([]);
  expect(warnings).toEqual([expect.stringContaining('heddle.dev/exclude-ports')]);
});
