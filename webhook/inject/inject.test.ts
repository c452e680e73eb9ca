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

const SECRET = '0123456789abcdef'.repeat(2);

function run(pod: V1Pod, newSecret = () => SECRET): V1Pod {
  return inject(pod, readWishes(pod, testDefaults).values, '10.96.0.1:443', newSecret).pod;
}

const probesOf = (pod: V1Pod): Probe[] => {
  const proxy = pod.spec?.initContainers?.find((container) => container.name === CONTAINER.proxy);
  return JSON.parse(proxy?.env?.find((one) => one.name === ENV.probes)?.value ?? '[]') as Probe[];
};

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
    expect(
      patch(
        once,
        run(once, () => 'f'.repeat(32)),
      ),
    ).toEqual([]);
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
  const twice = run(late, () => 'f'.repeat(32));
  expect(
    probesOf(twice)
      .map((probe) => probe.path)
      .sort(),
  ).toEqual([...probesOf(once).map((probe) => probe.path), `/probe/late/liveness/${SECRET}`].sort());
});

test('what the health port runs cannot be guessed: each path ends with the secret, and a forged one is replaced', () => {
  const once = run(read('probes.in.yaml'));
  expect(probesOf(once).length).toBeGreaterThan(3);
  for (const { path } of probesOf(once)) expect(path.endsWith(`/${SECRET}`)).toBe(true);
  const forged = structuredClone(once);
  const variable = forged.spec?.initContainers?.[1]?.env?.find((one) => one.name === ENV.probes);
  if (variable !== undefined) variable.value = '[{"path":"/probe/app/prestop/known","port":1}]';
  forged.spec?.containers.push({ name: 'late', image: 'x', livenessProbe: { tcpSocket: { port: 7000 } } });
  const replaced = run(forged, () => 'f'.repeat(32));
  expect(probesOf(replaced).map((probe) => probe.path)).toEqual([`/probe/late/liveness/${'f'.repeat(32)}`]);
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
