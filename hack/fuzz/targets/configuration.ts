import { HeddleError } from '../../../proxy/base/errors.ts';
import { FakeClock } from '../../../proxy/base/testing/fake-clock.ts';
import {
  type DecodeError,
  decodeStaticConfiguration,
  describeDecodeErrors,
  MAX_ERRORS,
} from '../../../proxy/contract/decode.ts';
import type { StaticConfiguration } from '../../../proxy/contract/snapshot.ts';
import { pod, service, workload } from '../../../proxy/contract/testing/configurations.ts';
import { canonicalJson } from '../../../proxy/contract/version.ts';
import { Store } from '../../../proxy/policy/store.ts';
import { editJson, type Json } from '../edit-json.ts';
import type { Target } from '../target.ts';

const ADDRESSES = { '10.96.0.1': 'service/shop/payment', '10.96.0.2': 'service/shop/gone', '10.1.0.7': 'pod/10.1.0.7' };
const WHOLE: StaticConfiguration = {
  addresses: { ranges: ['10.96.0.0/16', 'fd00::/64'], entries: ADDRESSES },
  configurations: {
    workload,
    'service/shop/payment': service,
    'service/shop/gone': { kind: 'absent' },
    'pod/10.1.0.7': pod,
  },
};
const WHOLE_TEXT = JSON.stringify(WHOLE);
/** A message that names a value longer than this would let a peer write our log. */
const MOST_MESSAGE = 4_096;

/** What may stand anywhere: limits, wrong types, names of the contract and of JavaScript. */
export const VALUES: readonly Json[] = [
  null,
  true,
  0,
  1,
  -1,
  80,
  65_535,
  65_536,
  0.5,
  1e308,
  2_147_483_647,
  2_147_483_648,
  '',
  'a',
  '/',
  '/a/b',
  '*',
  'x'.repeat(600),
  '__proto__',
  'constructor',
  'toString',
  'kind',
  'service',
  'workload',
  'pod',
  'absent',
  'anyone',
  'identity',
  'unauthenticated',
  'Allow',
  'Deny',
  'Strict',
  'Permissive',
  'Exact',
  'PathPrefix',
  'Present',
  'Redistribute',
  'Fail',
  'Forward',
  'NotFound',
  'Random',
  'auto',
  'grpc',
  'tcp',
  'http2',
  'reset',
  '5xx',
  'v1',
  'v9',
  'shop',
  'payment',
  'workload',
  'passthrough',
  'service/shop/payment',
  'service/a/b',
  'pod/fd00::8',
  '10.1.0.7',
  '10.1.0.07',
  'fd00::8',
  'FD00::8',
  '::ffff:10.0.0.1',
  '10.0.0.0/8',
  '10.0.0.0/33',
  '::/0',
  'spiffe://cluster.local/ns/shop/sa/payment',
  'spiffe://x',
  '\u0000',
  '\u007f',
  '\ud800',
  'ä\r\n',
  [],
  {},
  [[]],
  { kind: 'anyone' },
  { kind: 'absent' },
  { type: 'Exact', value: '/x' },
  { subset: 'v1', weight: 0 },
  { port: 80, mode: 'Strict' },
];

/** Bytes are edits of a whole valid configuration, read as the proxy reads its file. */
const snapshot: Target = {
  name: 'configuration',
  seeds: [
    Buffer.alloc(0),
    Buffer.from([0, 9, 1, 0]),
    Buffer.from([0, 20, 0, 5, 0, 30, 3, 60]),
    Buffer.from([0, 40, 2, 0, 0, 40, 2, 0]),
  ],
  dictionary: [Buffer.from([0, 1, 0, 0]), Buffer.from([0, 50, 4, 2]), Buffer.from([0, 70, 2, 0])],
  check(input) {
    const text = JSON.stringify(editJson(WHOLE_TEXT, input, VALUES));
    const decoded = decodeStaticConfiguration(text);
    if (!decoded.ok) return soundErrors(decoded.errors);
    const again = decodeStaticConfiguration(JSON.stringify(decoded.value));
    if (!again.ok || canonicalJson(again.value) !== canonicalJson(decoded.value))
      throw new Error('decoded again it is another');
    return build(decoded.value);
  },
};

/** At most ten, each with a short text and no control character in what a log will hold. */
export function soundErrors(errors: readonly DecodeError[]): string {
  if (errors.length === 0 || errors.length > MAX_ERRORS) throw new Error(`${errors.length} errors`);
  const text = describeDecodeErrors(errors);
  if (text.length > MOST_MESSAGE * MAX_ERRORS || errors.some(({ message }) => message.length > MOST_MESSAGE)) {
    throw new Error(`errors of ${text.length} characters`);
  }
  return errors
    .map(
      ({ path, message }) => `${path.replace(/\[\d+\]/g, '').slice(0, 40)} ${message.split(', is ')[0]!.slice(0, 40)}`,
    )
    .slice(0, 2)
    .join('|');
}

/** All of it is put in force, or refused with an error of ours and nothing changed; then each address has a decision. */
function build(whole: StaticConfiguration): string {
  const store = new Store({ clock: new FakeClock(), random: () => 0.5 });
  try {
    const prepared = Object.entries(whole.configurations).map(([key, content]) => store.prepare(key, content));
    store.setAddresses(whole.addresses);
    for (const one of prepared) store.commit(one);
  } catch (error) {
    if (!(error instanceof HeddleError) || error.code !== 'configuration') throw error;
    return `refused: ${error.message.replace(/\d+|".*"/g, '#').slice(0, 60)}`;
  }
  const kinds = Object.keys(whole.addresses.entries).map((address) => store.lookup(address).kind);
  const keys = [...store.keys()];
  if (keys.length !== Object.keys(whole.configurations).length) throw new Error(`${keys.length} keys in force`);
  for (const key of keys) store.remove(key);
  if (store.endpoints.size !== 0) throw new Error(`${store.endpoints.size} endpoints are kept of keys that are gone`);
  return `in force ${keys.length} ${[...new Set(kinds)].join()}`;
}

export const configurationTargets: readonly Target[] = [snapshot];
