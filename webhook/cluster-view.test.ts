import { expect, test } from '@jest/globals';
import { HeddleError } from '../proxy/base/errors.ts';
import { createClusterView } from './cluster-view.ts';

const MESH = '/apis/heddle.dev/v1alpha1/meshconfigs/default';
const LAST = '/api/v1/namespaces/heddle-system/configmaps/heddle-last-mesh-config';
const spec = (trustDomain: string) => ({ spec: { trustDomain } });
const kept = (text: string) => ({ data: { 'meshconfig.json': text } });

/** Answers by path; what is not there is a 404. */
function view(objects: Map<string, unknown>) {
  const clock = { at: 0 };
  const cluster = createClusterView({
    host: '10.96.0.1',
    port: 443,
    now: () => clock.at,
    get: async (path) => {
      const found = objects.get(path);
      if (found === undefined) throw new HeddleError('NotFound', path);
      if (found instanceof Error) throw found;
      return found;
    },
  });
  const trustDomain = async () => {
    clock.at += 10_000;
    return (await cluster.injection()).trustDomain;
  };
  return trustDomain;
}

test('a deleted MeshConfig keeps its last values, also in a replica that never saw it', async () => {
  const objects = new Map<string, unknown>([[MESH, spec('corp.example')]]);
  const trustDomain = view(objects);
  expect(await trustDomain()).toBe('corp.example');
  objects.delete(MESH);
  expect(await trustDomain()).toBe('corp.example');
  expect(await view(new Map([[LAST, kept(JSON.stringify(spec('corp.example')))]]))()).toBe('corp.example');
});

test('a present one counts, whatever was kept', async () => {
  const objects = new Map<string, unknown>([
    [MESH, spec('now.example')],
    [LAST, kept(JSON.stringify(spec('before.example')))],
  ]);
  expect(await view(objects)()).toBe('now.example');
});

test.each(['', '{', 'null'])('what cannot be read (%p) changes nothing', async (text) => {
  expect(await view(new Map([[LAST, kept(text)]]))()).toBeUndefined();
});

test('an API server that does not answer is no deletion', async () => {
  const objects = new Map<string, unknown>([[MESH, new HeddleError('Unavailable', 'down')]]);
  await expect(view(objects)()).rejects.toThrow('down');
});
