import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { describe, expect, test } from '@jest/globals';
import type { V1Pod } from '@kubernetes/client-node';
import { applyPatch } from 'rfc6902';
import { parseAllDocuments, stringify } from 'yaml';
import { CONTAINER, ENV, type Probe } from '../../proxy/contract/bootstrap.ts';
import { inject } from './inject.ts';
import { patch } from './patch.ts';
import { qosClass } from './qos.ts';
import { testDefaults } from './testing.ts';
import { readWishes } from './values.ts';

const GOLDEN = join(import.meta.dirname, 'testdata');
const own = new Set<string>(Object.values(CONTAINER));

function run(pod: V1Pod): V1Pod {
  return inject(pod, readWishes(pod, testDefaults).values, '10.96.0.1:443').pod;
}

function read(file: string): V1Pod {
  return parseAllDocuments(readFileSync(join(GOLDEN, file), 'utf8'))[0]?.toJS() as V1Pod;
}

const inputs = readdirSync(GOLDEN).filter((name) => name.endsWith('.in.yaml'));

describe.each(inputs)('%s', (file) => {
  const golden = join(GOLDEN, file.replace('.in.yaml', '.out.yaml'));

  test('becomes the golden pod (UPDATE_GOLDEN=1 writes it anew)', () => {
    const text = stringify(run(read(file)), { lineWidth: 160, aliasDuplicateObjects: false });
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(golden, text);
    expect(text).toBe(readFileSync(golden, 'utf8'));
  });

  test('a second injection changes nothing', () => {
    const once = run(read(file));
    expect(patch(once, run(once))).toEqual([]);
  });

  test('the JSON patch leads from the pod to the injected pod', () => {
    const before = read(file);
    const after = run(before);
    const patched = structuredClone(before);
    const errors = applyPatch(patched, patch(before, after)).filter((error) => error !== null);
    expect(errors).toEqual([]);
    expect(JSON.parse(JSON.stringify(patched))).toEqual(JSON.parse(JSON.stringify(after)));
  });

  test('keeps the class of service', () => {
    const before = read(file);
    expect(qosClass(run(before), new Set())).toBe(qosClass(before, own));
  });
});

test('containers that another webhook adds later get their probes rewritten, and the earlier ones stay', () => {
  const once = run(read('probes.in.yaml'));
  const late = structuredClone(once);
  late.spec?.containers.push({ name: 'late', image: 'x', livenessProbe: { tcpSocket: { port: 7000 } } });
  const twice = run(late);
  const proxy = twice.spec?.initContainers?.find((container) => container.name === CONTAINER.proxy);
  const probes = JSON.parse(proxy?.env?.find((one) => one.name === ENV.probes)?.value ?? '[]') as Probe[];
  const earlier = JSON.parse(
    once.spec?.initContainers?.[1]?.env?.find((one) => one.name === ENV.probes)?.value ?? '[]',
  ) as Probe[];
  expect(probes.map((probe) => probe.path).sort()).toEqual(
    [...earlier.map((probe) => probe.path), '/probe/late/liveness'].sort(),
  );
});

test('the proxy comes right after the init container and before all others', () => {
  const pod = run(read('probes.in.yaml'));
  expect(pod.spec?.initContainers?.map((container) => container.name)).toEqual([
    CONTAINER.init,
    CONTAINER.proxy,
    'migrate',
    'agent',
  ]);
});

test.each([
  [30, 5],
  [4, 3],
  [2, 1],
  [1, undefined],
  [0, undefined],
])('grace period of %i s gives a preStop sleep of %p s', (grace, seconds) => {
  const pod = run({
    metadata: { name: 'a' },
    spec: { terminationGracePeriodSeconds: grace, containers: [{ name: 'app', image: 'x' }] },
  });
  expect(pod.spec?.containers[0]?.lifecycle?.preStop?.sleep?.seconds).toBe(seconds);
});
