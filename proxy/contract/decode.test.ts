import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type Decoded,
  decodeAddressTable,
  decodeCertificateResponse,
  decodeConfiguration,
  decodeOperatorMessage,
  decodeProbes,
  decodeProxyMessage,
  decodeStaticConfiguration,
  describeDecodeErrors,
} from './decode.ts';
import { jsonMembers } from './json-members.ts';
import { pod, service, workload } from './testing/configurations.ts';

const clone = (value: unknown): Record<string, unknown> => JSON.parse(JSON.stringify(value));

/** Sets a member by path: `ports.0.traffic.routes`. */
function withMember(value: unknown, path: string, member: unknown): unknown {
  const copy = clone(value);
  const steps = path.split('.');
  let at: Record<string, unknown> = copy;
  for (const step of steps.slice(0, -1)) at = at[step] as Record<string, unknown>;
  const last = steps.at(-1) ?? '';
  if (member === undefined) delete at[last];
  else at[last] = member;
  return copy;
}

const complaints = (decoded: Decoded<unknown>): string =>
  decoded.ok ? 'accepted' : describeDecodeErrors(decoded.errors);

test('members of a JSON object stand where they are found, whatever the values hold', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.constantFrom(undefined, 1, '\t'), (value, space) => {
      const text = JSON.stringify(value, undefined, space);
      const found = [...jsonMembers(text)].map(({ name, start, end }) => [name, JSON.parse(text.slice(start, end))]);
      expect(found).toEqual(Object.entries(JSON.parse(text) as object));
    }),
    { numRuns: 300 },
  );
});

test.each([
  '',
  '[]',
  '{',
  '{"a"',
  '{"a":',
  '{"a":}',
  '{"a":1,}',
  '{"a":1 2}',
  '{a:1}',
  '{"a":"\\"}',
  '{"a":[}',
  '{"a":1}}',
])('members of %s: refused where it stands', (text) => {
  expect(() => [...jsonMembers(text)]).toThrow(SyntaxError);
});

describe('decodeConfiguration', () => {
  test('gives back what the compiler made, unknown members left out', () => {
    for (const [key, value] of [
      ['workload', workload],
      ['service/shop/payment', service],
      ['pod/10.1.0.7', pod],
      ['service/shop/gone', { kind: 'absent' }],
    ] as const) {
      expect(decodeConfiguration(key, clone(value))).toEqual({ ok: true, value });
      expect(decodeConfiguration(key, { ...clone(value), later: { x: 1 } })).toEqual({ ok: true, value });
    }
  });

  test.each([
    ['kind', 'other', 'kind: must be one of workload, service, pod, absent, is "other"'],
    ['ports', {}, 'ports: must be a list, is an object'],
    ['ports.0.port', 0, 'ports[0].port: must be a whole number from 1 to 65535, is 0'],
    ['ports.0.port', 80.5, 'ports[0].port: must be a whole number from 1 to 65535, is 80.5'],
    ['ports.0.port', '80', 'ports[0].port: must be a whole number from 1 to 65535, is "80"'],
    ['ports.0.port', undefined, 'ports[0].port: is required'],
    [
      'ports.0.endpoints.0.address',
      '010.0.0.1',
      'ports[0].endpoints[0].address: must be a canonical IP address, is "010.0.0.1"',
    ],
    [
      'ports.0.endpoints.0.address',
      'FD00::1',
      'ports[0].endpoints[0].address: must be a canonical IP address, is "FD00::1"',
    ],
    [
      'ports.0.endpoints.0.address',
      '::ffff:10.0.0.1',
      'ports[0].endpoints[0].address: must be a canonical IP address, is "::ffff:10.0.0.1"',
    ],
    [
      'ports.0.endpoints.0.identity',
      'spiffe://x',
      'ports[0].endpoints[0].identity: must be spiffe://<trust domain>/ns/<namespace>/sa/<service account>, is "spiffe://x"',
    ],
    [
      'ports.0.traffic.routes.0.timeouts.requestMs',
      -1,
      'ports[0].traffic.routes[0].timeouts.requestMs: must be a whole number from 0 to 2147483647, is -1',
    ],
    [
      'ports.0.traffic.routes.0.retries.on',
      ['teapot'],
      'ports[0].traffic.routes[0].retries.on[0]: must be one of 5xx, gateway-error, reset, connect-failure, refused-stream, per-try-timeout, is "teapot"',
    ],
    [
      'ports.0.traffic.routes.0.backends.0.subset',
      'v9',
      'ports[0].traffic.routes[0].backends[0].subset: no subset is named "v9"',
    ],
    [
      'ports.0.traffic.routes.0.backends',
      [{ weight: 0 }],
      'ports[0].traffic.routes[0].backends: must have at least one weight above 0',
    ],
    [
      'ports.0.traffic.routes.0.matches.0.headers',
      [{ name: 'X-A', type: 'Exact', value: 'a' }],
      'ports[0].traffic.routes[0].matches[0].headers[0].name: must be a header name in lower case, is "X-A"',
    ],
    [
      'ports.0.traffic.routes.0.matches.0.headers',
      [{ name: 'a', type: 'Exact' }],
      'ports[0].traffic.routes[0].matches[0].headers[0].value: is required for Exact',
    ],
    [
      'ports.0.traffic.routes.0.matches.0.method',
      'GE T',
      'ports[0].traffic.routes[0].matches[0].method: must be an HTTP token, is "GE T"',
    ],
    ['ports.1', { ...service.ports[0] }, 'ports[1].port: port 80 is listed twice'],
    ['name', 'other', 'name: the key service/shop/payment was given the Service shop/other'],
    ['ports.0.name', 'a\r\nb', 'ports[0].name: must not hold control characters, is "a\\r\\nb"'],
  ])('%s = %j is refused with its path', (path, member, message) => {
    expect(complaints(decodeConfiguration('service/shop/payment', withMember(service, path, member)))).toBe(message);
  });

  test.each([
    ['workload', service, 'kind: the key workload needs kind workload, is service'],
    ['workload', { kind: 'absent' }, 'kind: the key workload needs kind workload, is absent'],
    ['pod/10.1.0.7', workload, 'kind: the key pod/10.1.0.7 needs kind pod, is workload'],
    ['passthrough', { kind: 'absent' }, 'kind: the key passthrough has no configuration'],
    ['workload', null, 'must be an object, is null'],
  ])('key %s refuses a configuration of another kind', (key, value, message) => {
    expect(complaints(decodeConfiguration(key, value))).toBe(message);
  });

  test('a security section that is not understood whole is refused, never weakened', () => {
    for (const [path, member] of [
      ['mtls.mode', 'Stricter'],
      ['mtls', undefined],
      ['authorization.defaultAction', 'Audit'],
      ['authorization.rules.0.from', []],
      ['authorization.rules.0.from.0.kind', 'ipBlock'],
      ['authorization.rules.0.to', undefined],
    ] as const) {
      expect(decodeConfiguration('workload', withMember(workload, path, member)).ok).toBe(false);
    }
  });

  test('tells ten errors at most', () => {
    const many = withMember(workload, 'ports', new Array(50).fill({ port: 0 }));
    const decoded = decodeConfiguration('workload', many);
    expect(decoded.ok ? 0 : decoded.errors.length).toBe(10);
  });

  test('property: one damaged member is never accepted as something else, and nothing throws', () => {
    const paths = membersOf(service);
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.jsonValue(), (path, junk) => {
        const decoded = decodeConfiguration('service/shop/payment', withMember(service, path, junk));
        if (!decoded.ok) {
          expect(decoded.errors.length).toBeGreaterThan(0);
          return;
        }
        // What was accepted decodes to itself: it is in the type's normal form.
        expect(decodeConfiguration('service/shop/payment', clone(decoded.value))).toEqual(decoded);
      }),
      { numRuns: 3_000 },
    );
  });

  test('fuzz: arbitrary values never throw', () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true, withBigInt: true, withDate: true }), (value) => {
        for (const decode of [decodeAddressTable, decodeOperatorMessage, decodeProxyMessage, decodeCertificateResponse])
          decode(value);
        for (const key of ['workload', 'service/a/b', 'pod/10.0.0.1', '', '__proto__']) decodeConfiguration(key, value);
      }),
      { numRuns: 1_500 },
    );
  });
});

function membersOf(value: unknown, at = ''): string[] {
  if (typeof value !== 'object' || value === null) return [at];
  const inner = Object.entries(value).flatMap(([name, member]) =>
    membersOf(member, at === '' ? name : `${at}.${name}`),
  );
  return at === '' ? inner : [at, ...inner];
}

describe('address table and messages', () => {
  test('takes both families and refuses what cannot be looked up', () => {
    const table = {
      ranges: ['10.0.0.0/8', 'fd00::/8'],
      entries: { '10.96.0.1': 'passthrough', 'fd00::1': 'service/shop/payment' },
    };
    expect(decodeAddressTable(table)).toEqual({ ok: true, value: table });
    expect(complaints(decodeAddressTable({ ...table, ranges: ['10.0.0.0/33'] }))).toContain(
      'ranges[0]: must be a CIDR',
    );
    expect(complaints(decodeAddressTable({ ...table, entries: { host: 'passthrough' } }))).toContain(
      'entries.host: must be a canonical',
    );
    expect(complaints(decodeAddressTable({ ...table, entries: { '10.0.0.1': 'other' } }))).toContain(
      'entries.10.0.0.1: must be workload',
    );
  });

  test('a member called __proto__ is a member like any other', () => {
    const decoded = decodeAddressTable(JSON.parse('{"ranges":[],"entries":{"__proto__":"passthrough"}}'));
    expect(complaints(decoded)).toContain('entries.__proto__: must be a canonical');
    expect(Object.prototype).not.toHaveProperty('ranges');
  });

  test('an unknown message type is ignored, a known one is strict', () => {
    expect(decodeOperatorMessage({ type: 'weather', sun: true })).toEqual({ ok: true, value: undefined });
    expect(decodeProxyMessage({ type: 'weather' })).toEqual({ ok: true, value: undefined });
    expect(complaints(decodeOperatorMessage({ type: 'ping' }))).toBe('id: is required');
    expect(complaints(decodeProxyMessage({ type: 'ack', seq: -1 }))).toContain('seq: must be a whole number');
    expect(complaints(decodeOperatorMessage([]))).toBe('must be an object, is a list');
  });

  test('content of an update is carried undecoded', () => {
    const update = {
      type: 'update',
      seq: 1,
      key: 'workload',
      version: 'a',
      provenance: [],
      mustUnderstand: ['mtls'],
      content: { junk: 1 },
    };
    expect(decodeOperatorMessage(update)).toEqual({ ok: true, value: update });
  });

  test.each(['10.0.0.9', 'operator.example:', 'https://x:1', 'a b:1'])('goaway to "%s" is refused', (leader) => {
    expect(decodeOperatorMessage({ type: 'goaway', reason: 'NotLeader', leader }).ok).toBe(false);
  });
});

describe('other documents', () => {
  test('static configuration: the key decides the kind', () => {
    const whole = {
      addresses: { ranges: [], entries: {} },
      configurations: { workload, 'service/shop/payment': service },
    };
    expect(decodeStaticConfiguration(JSON.stringify(whole))).toEqual({ ok: true, value: whole });
    expect(complaints(decodeStaticConfiguration('{"a":'))).toContain('not JSON');
    for (const [text, complaint] of [
      ['{"addresses":{"ranges":[],"entries":{}}}', 'configurations: is required'],
      ['{"addresses":{"ranges":[],"entries":{}},"configurations":[]}', 'configurations: not JSON'],
      ['{"configurations":{"workload":{]},"addresses":{}}', 'configurations.workload: not JSON'],
      ['{"configurations":{"x":{}},"addresses":{"ranges":[]}}', 'addresses.entries: is required'],
      ['{"configurations":{"x":{}},"addresses":{}}', 'configurations.x: is not a key'],
      ['{"configurations":{},"configurations":{}}', 'configurations: is there twice'],
      [
        `{"configurations":{"workload":${JSON.stringify(workload)},"workload":1}}`,
        'configurations.workload: is there twice',
      ],
      ['{"configurations":{}}x', 'not JSON'],
    ] as const) {
      expect(complaints(decodeStaticConfiguration(text))).toContain(complaint);
    }
    const wrong = { ...whole, configurations: { workload: service } };
    expect(complaints(decodeStaticConfiguration(JSON.stringify(wrong)))).toContain(
      'configurations.workload.kind: the key workload',
    );
  });

  test('probes: three kinds, nothing else', () => {
    const secret = '0123456789abcdef'.repeat(2);
    const probes = [
      {
        path: `/probe/app/liveness/${secret}`,
        port: 8080,
        timeoutSeconds: 1,
        action: { kind: 'http', scheme: 'HTTP', path: '/health', headers: [['Host', 'x']] },
      },
      { path: `/probe/app/readiness/${secret}`, port: 8080, timeoutSeconds: 1, action: { kind: 'tcp' } },
      { path: `/probe/app/startup/${secret}`, port: 8080, timeoutSeconds: 1, action: { kind: 'grpc', service: '' } },
    ];
    expect(decodeProbes(JSON.stringify(probes))).toEqual({ ok: true, value: probes });
    expect(
      complaints(decodeProbes('[{"path":"/ready/x/y","port":1,"timeoutSeconds":1,"action":{"kind":"tcp"}}]')),
    ).toContain('[0].path: must be /probe/');
    // A path that anybody can guess opens the hooks of the application to the network.
    for (const path of ['/probe/app/prestop', '/probe/app/prestop/', `/probe/app/prestop/${secret.slice(1)}`])
      expect(decodeProbes(JSON.stringify([{ ...probes[1], path }])).ok).toBe(false);
    expect(
      decodeProbes(JSON.stringify([{ ...probes[0], action: { ...probes[0]?.action, headers: [['a', 'b\r\nc']] } }])).ok,
    ).toBe(false);
  });
});
