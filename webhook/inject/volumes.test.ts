import { expect, test } from '@jest/globals';
import type { V1Pod } from '@kubernetes/client-node';
import { inject } from './inject.ts';
import { testDefaults } from './testing.ts';
import { readWishes } from './values.ts';
import { volumeProblems } from './volumes.ts';

const app = (mounts: string[] = []) => ({
  name: 'app',
  volumeMounts: mounts.map((name) => ({ name, mountPath: `/${name}` })),
});
const pod = (spec: Partial<NonNullable<V1Pod['spec']>>): V1Pod => ({ spec: { containers: [app()], ...spec } });

test.each<[string, V1Pod, string | undefined]>([
  ['other names', pod({ volumes: [{ name: 'data' }], containers: [app(['data'])] }), undefined],
  ['a volume of our name', pod({ volumes: [{ name: 'heddle-state' }] }), 'spec.volumes[heddle-state]'],
  [
    "a mount of the proxy's key",
    pod({ containers: [app(['heddle-state'])] }),
    'spec.containers[app].volumeMounts: heddle-state',
  ],
  [
    'a mount of the token',
    pod({ initContainers: [app(['heddle-token'])] }),
    'spec.initContainers[app].volumeMounts: heddle-token',
  ],
])('%s', (_name, given, problem) => {
  const problems = volumeProblems(given);
  if (problem === undefined) expect(problems).toEqual([]);
  else expect(problems).toEqual([expect.stringContaining(problem)]);
});

test('what an earlier run added is no problem, a mount that came with a later container is', () => {
  const once = inject(pod({}), readWishes(pod({}), testDefaults).values, undefined, () => 'a'.repeat(32)).pod;
  expect(volumeProblems(once)).toEqual([]);
  once.spec?.containers.push({ ...app(['heddle-state']), name: 'late' });
  expect(volumeProblems(once)).toEqual([expect.stringContaining('spec.containers[late]')]);
});
