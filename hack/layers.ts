/** Who may import whom: the house plan as data. A file belongs to the longest matching room. */
export interface Room {
  readonly path: string;
  /** Rooms it may import from, besides itself. */
  readonly may: readonly string[];
  /** Packages (or `node:` for the core) it may import values from. Types of any package may be imported. */
  readonly packages: readonly string[];
  /** What to do instead of breaking this row. */
  readonly instead: string;
}

const LEAVES = ['proxy/base', 'proxy/contract'] as const;
const BYTES = ['proxy/http', 'proxy/net', 'proxy/tls'] as const;
const PARTS = ['proxy/mesh', 'proxy/filters', 'proxy/balance', 'proxy/identity'] as const;
const proxy = (path: string, may: readonly string[], instead: string): Room => ({
  path,
  may,
  packages: ['node:'],
  instead,
});

export const ROOMS: readonly Room[] = [
  proxy('proxy/base', [], 'foundations know nothing above them: pass what you need as an argument'),
  proxy('proxy/contract', ['proxy/base'], 'the contract is plain data: put behaviour into the room that uses it'),
  proxy('proxy/http', LEAVES, 'codecs know bytes and RFCs only: hand decisions in as options'),
  proxy('proxy/net', LEAVES, 'sockets only: hand protocols in as callbacks'),
  proxy('proxy/tls', LEAVES, 'TLS only: hand sockets and credentials in'),
  proxy('proxy/mesh', [...LEAVES, ...BYTES], 'the mesh transport knows no policy: hand decisions in as options'),
  proxy('proxy/filters', [...LEAVES, 'proxy/http'], 'a filter changes heads: hand what it needs in'),
  proxy('proxy/balance', [...LEAVES, ...BYTES, 'proxy/mesh'], 'balancing chooses and connects: policy is handed in'),
  proxy('proxy/identity', [...LEAVES, ...BYTES], 'identity keeps credentials: others watch the cell'),
  proxy(
    'proxy/policy',
    [...LEAVES, ...BYTES, 'proxy/mesh', 'proxy/filters', 'proxy/balance'],
    'policy decides: sides and control call it',
  ),
  proxy('proxy/control', [...LEAVES, ...BYTES, ...PARTS, 'proxy/policy'], 'control fills the store: the sides read it'),
  proxy(
    'proxy/telemetry',
    [...LEAVES, 'proxy/http', 'proxy/policy'],
    'telemetry is told what happened: it asks nobody',
  ),
  proxy(
    'proxy/outbound',
    [...LEAVES, ...BYTES, ...PARTS, 'proxy/policy', 'proxy/telemetry'],
    'the sides never meet: share through policy, mesh or telemetry',
  ),
  proxy(
    'proxy/inbound',
    [...LEAVES, ...BYTES, ...PARTS, 'proxy/policy', 'proxy/telemetry'],
    'the sides never meet: share through policy, mesh or telemetry',
  ),
  proxy(
    'proxy/admin',
    [...LEAVES, ...BYTES, ...PARTS, 'proxy/policy', 'proxy/control', 'proxy/telemetry'],
    'administration shows what others know',
  ),
  proxy('proxy/init', [...LEAVES, 'proxy/net'], 'the init container carries rules and checks only'),
  proxy('proxy', ['proxy'], 'nothing under proxy/ imports anything outside of proxy/'),
  { path: 'crds', may: [], packages: ['node:', 'ajv', 'yaml'], instead: 'what users write depends on nobody' },
  {
    path: 'operator/kube',
    may: ['crds', ...LEAVES],
    packages: ['node:', '@kubernetes/client-node'],
    instead: 'this room only speaks to the API server: decide elsewhere',
  },
  {
    path: 'operator/ca',
    may: ['crds', ...LEAVES, 'operator/kube'],
    packages: ['node:', '@peculiar/x509', 'reflect-metadata'],
    instead: 'the signing key is reachable from here only',
  },
  {
    path: 'operator/model',
    may: ['crds', ...LEAVES],
    packages: ['node:', 'lru-cache'],
    instead: 'the model is pure: hand objects in',
  },
  {
    path: 'operator/compile',
    may: ['crds', ...LEAVES, 'operator/model'],
    packages: ['node:'],
    instead: 'a compiler reads its view and nothing else',
  },
  {
    path: 'operator',
    may: ['operator', 'crds', ...LEAVES],
    packages: ['node:', '@prometheus-io/client', 'pino', 'lru-cache'],
    instead: 'client-node stays in operator/kube, x509 in operator/ca; from the proxy only its two leaves',
  },
  {
    path: 'webhook',
    may: ['crds', ...LEAVES],
    packages: ['node:', 'fastify', 'pino'],
    instead: 'the webhook reaches down to the leaves only',
  },
  {
    path: 'hack',
    may: ['hack', 'crds', 'proxy', 'operator', 'webhook'],
    packages: ['*'],
    instead: 'tools see what they need but not e2e/',
  },
  { path: 'e2e', may: ['e2e', 'hack', 'crds', 'proxy', 'operator', 'webhook'], packages: ['*'], instead: '' },
];

/** One import that breaks the plan. */
export interface Breach {
  readonly file: string;
  readonly imports: string;
  readonly instead: string;
}

export function roomOf(file: string): Room | undefined {
  return ROOMS.filter((room) => file.startsWith(`${room.path}/`)).sort(
    (left, right) => right.path.length - left.path.length,
  )[0];
}

/** `target` is a repository path (relative imports resolved) or a package name. */
export function judge(
  file: string,
  target: { readonly path: string } | { readonly package: string },
): Breach | undefined {
  const room = roomOf(file);
  if (room === undefined) return undefined;
  if ('package' in target) {
    const allowed = room.packages.some(
      (name) => name === '*' || (name === 'node:' ? target.package.startsWith('node:') : target.package === name),
    );
    return allowed ? undefined : { file, imports: target.package, instead: room.instead };
  }
  const inside = (path: string): boolean => target.path.startsWith(`${path}/`);
  const other = roomOf(target.path);
  if (inside(room.path) && (other === room || room.may.includes(room.path))) return undefined;
  if (
    other !== undefined &&
    room.may.some(
      (path) =>
        other.path === path ||
        (inside(path) &&
          (path === 'hack' || path === 'e2e' || path === 'proxy' || path === 'operator' || path === 'webhook')),
    )
  ) {
    return undefined;
  }
  return { file, imports: target.path, instead: room.instead };
}
