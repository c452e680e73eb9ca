/** What the API server itself says of every object in `crds/testdata`, with the schema, the CEL rules and the webhook in force. */
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { repositoryPath } from '../../hack/mesh/install.ts';
import type { Ran } from '../../hack/mesh/kubectl.ts';
import { type Mesh, openMesh } from '../harness/mesh.ts';

/** The namespace that the testdata names. */
const NS = 'shop';
let mesh: Mesh;

beforeAll(async () => {
  mesh = await openMesh();
  await mesh.namespace(NS, {});
});

afterAll(() => mesh.removeNamespace(NS));

interface Sample {
  readonly name: string;
  readonly text: string;
}

function samples(folder: 'valid' | 'invalid'): Sample[] {
  const directory = repositoryPath('crds', 'testdata', folder);
  return readdirSync(directory).map((name) => ({ name, text: readFileSync(`${directory}/${name}`, 'utf8') }));
}

/** `create` and not `apply`: the object as it is, nothing merged. */
function create(text: string): Promise<Ran> {
  return mesh.kubectl(['create', '--dry-run=server', '-f', '-'], { input: text, allowFailure: true });
}

type RefusedBy = 'schema or CEL' | 'webhook';

/** Who refused, by the API server's own wording; undefined: something else went wrong, which is no refusal. */
function refusedBy(stderr: string): RefusedBy | undefined {
  if (/admission webhook "[\w.-]+" denied the request/.test(stderr)) return 'webhook';
  return /The Mesh\w+ ".*" is invalid|strict decoding error: /.test(stderr) ? 'schema or CEL' : undefined;
}

describe('valid objects are admitted', () => {
  test.each(samples('valid'))('$name', async ({ text }) => {
    const ran = await create(text);
    expect([ran.code, ran.stderr]).toEqual([0, expect.not.stringMatching(/error/i)]);
    expect(ran.stdout).toMatch(/created \(server dry run\)/);
  });
});

describe('invalid objects are refused, where the fault is', () => {
  const tally = { 'schema or CEL': 0, webhook: 0 };

  test.each(samples('invalid'))('$name', async ({ text }) => {
    const path = /^# expect: (\S+) \S+$/m.exec(text)?.[1] ?? 'no expectation in the first line';
    const ran = await create(text);
    const by = refusedBy(ran.stderr);
    expect([ran.code, by ?? ran.stderr]).toEqual([1, expect.stringMatching(/^(schema or CEL|webhook)$/)]);
    tally[by!]++;
    if (by === 'webhook') expect(ran.stderr).toContain(`${path}: `);
    else expect(reportedPaths(ran.stderr).filter((reported) => concerns(reported, path))).not.toEqual([]);
  });

  test('both the API server and the webhook had their say', () => {
    process.stderr.write(
      `figure: refused by schema or CEL ${tally['schema or CEL']}, by the webhook ${tally.webhook}\n`,
    );
    expect(tally['schema or CEL']).toBeGreaterThan(0);
    expect(tally.webhook).toBeGreaterThan(0);
  });
});

/** Paths in the API server's words: `The X "y" is invalid: spec.a: …`, or one line `* spec.a: …` for each of several. */
function reportedPaths(stderr: string): string[] {
  return [...stderr.matchAll(/(?:is invalid: |\* )(<nil>|[\w.[\]-]+): /g)].map(([, path = '']) => path);
}

/** The very path, one inside of it, or the object around it, where the CEL rule stands; rules on the name can only stand at the root. */
function concerns(reported: string, expected: string): boolean {
  if (reported === '<nil>') return expected.startsWith('metadata.');
  const inside = (inner: string, outer: string): boolean =>
    inner === outer || inner.startsWith(`${outer}.`) || inner.startsWith(`${outer}[`);
  return inside(reported, expected) || inside(expected, reported);
}

test('kubectl explain shows a description for every field of a route', async () => {
  const { stdout } = await mesh.kubectl(['explain', 'meshpolicy.spec.routes']);
  expect(stdout).toMatch(/KIND:\s+MeshPolicy/);
  const fields = [...stdout.matchAll(/^ {2}(\w+)\t<[^>]+>.*\n(.*)$/gm)];
  expect(fields.map(([, name]) => name)).toEqual(expect.arrayContaining(['name', 'matches', 'backends', 'retries']));
  for (const [, , description] of fields) expect(description).toMatch(/^ {4}\S/);
  expect(stdout).not.toMatch(/<no description>/i);
});

describe('rights of service accounts, by the aggregated roles', () => {
  const EDITOR = `system:serviceaccount:${NS}:editor`;
  const VIEWER = `system:serviceaccount:${NS}:viewer`;
  const SECURITY = `system:serviceaccount:${NS}:security`;

  beforeAll(async () => {
    const bind = (role: string, account: string) => ({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: account, namespace: NS },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
      subjects: [{ kind: 'ServiceAccount', name: account, namespace: NS }],
    });
    await mesh.apply(bind('edit', 'editor'), bind('view', 'viewer'), bind('heddle-access-edit', 'security'));
  });

  test.each([
    ['edit', EDITOR, 'create', 'meshpolicies', 'yes'],
    ['edit', EDITOR, 'delete', 'meshpolicies', 'yes'],
    ['edit', EDITOR, 'create', 'meshaccesspolicies', 'no'],
    ['edit', EDITOR, 'delete', 'meshaccesspolicies', 'no'],
    ['edit', EDITOR, 'update', 'meshpolicies/status', 'no'],
    ['edit', EDITOR, 'update', 'meshconfigs', 'no'],
    ['view', VIEWER, 'get', 'meshpolicies', 'yes'],
    ['view', VIEWER, 'create', 'meshpolicies', 'no'],
    ['heddle-access-edit', SECURITY, 'create', 'meshaccesspolicies', 'yes'],
    ['heddle-access-edit', SECURITY, 'create', 'meshpolicies', 'no'],
  ])('%s (%s) may %s %s: %s', async (_role, account, verb, resource, expected) => {
    const [kind = '', subresource] = resource.split('/');
    const ran = await mesh.kubectl(
      [
        ...['-n', NS, 'auth', 'can-i', verb, `${kind}.heddle.dev`, '--as', account],
        ...(subresource === undefined ? [] : ['--subresource', subresource]),
      ],
      { allowFailure: true },
    );
    expect(ran.stdout.trim()).toBe(expected);
  });
});
