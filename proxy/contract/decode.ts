import type { InitReport, Probe } from './bootstrap.ts';
import { addressTable, configuration } from './decode-configuration.ts';
import {
  OPERATOR_TYPES,
  type OperatorEnvelope,
  operatorMessage,
  PROXY_TYPES,
  proxyMessage,
} from './decode-messages.ts';
import { decodeStaticParts } from './decode-static.ts';
import { isCanonicalAddress, kubernetesName, port, shortText, urlPath } from './decode-values.ts';
import {
  array,
  boolean,
  type Decoded,
  type DecodeError,
  type Decoder,
  decode,
  decodeJson,
  integer,
  object,
  oneOf,
  optional,
  text,
  union,
} from './decoding.ts';
import type { CertificateRefusal, CertificateRequest, CertificateResponse } from './identity.ts';
import {
  type AddressTable,
  type Configuration,
  type Key,
  podKey,
  type StaticConfiguration,
  serviceKey,
  WORKLOAD_KEY,
} from './snapshot.ts';
import type { ProxyMessage } from './stream.ts';

/** Door of decoding: unknown to contract types. Nothing here throws; errors are the text of a NACK. */
export type { OperatorEnvelope, UpdateEnvelope } from './decode-messages.ts';
export { type Decoded, type DecodeError, describeDecodeErrors, MAX_ERRORS } from './decoding.ts';

/** The configuration of `key`: also its kind (and, for a Service, its name) must be the one that the key asks for. */
export function decodeConfiguration(key: Key, value: unknown): Decoded<Configuration> {
  const decoded = decode(configuration, value);
  if (!decoded.ok) return decoded;
  const complaint = misplaced(key, decoded.value);
  return complaint === undefined ? decoded : { ok: false, errors: [complaint] };
}

export function decodeAddressTable(value: unknown): Decoded<AddressTable> {
  return decode(addressTable, value);
}

/** The whole at once: for tools and tests. */
export function decodeStaticConfiguration(text: string): Decoded<StaticConfiguration> {
  const configurations: [Key, Configuration][] = [];
  const decoded = decodeStaticByKey(text, (key, content) => void configurations.push([key, content]));
  if (!decoded.ok) return decoded;
  return { ok: true, value: { addresses: decoded.value, configurations: Object.fromEntries(configurations) } };
}

/** One key at a time (see `decodeStaticParts`): what proxies read. */
export function decodeStaticByKey(
  text: string,
  take: (key: Key, content: Configuration) => void,
): Decoded<AddressTable> {
  return decodeStaticParts(text, decodeConfigurationText, take);
}

function decodeConfigurationText(key: Key, text: string): Decoded<Configuration> {
  const decoded = decodeJson(configuration, text);
  if (!decoded.ok) return decoded;
  const complaint = misplaced(key, decoded.value);
  return complaint === undefined ? decoded : { ok: false, errors: [complaint] };
}

/** `undefined` as value: a message of a type that this version does not know, to be ignored. */
export function decodeOperatorMessage(value: unknown): Decoded<OperatorEnvelope | undefined> {
  return hasUnknownType(value, OPERATOR_TYPES) ? { ok: true, value: undefined } : decode(operatorMessage, value);
}

export function decodeProxyMessage(value: unknown): Decoded<ProxyMessage | undefined> {
  return hasUnknownType(value, PROXY_TYPES) ? { ok: true, value: undefined } : decode(proxyMessage, value);
}

export function decodeCertificateRequest(value: unknown): Decoded<CertificateRequest> {
  return decode(certificateRequest, value);
}
export function decodeCertificateResponse(value: unknown): Decoded<CertificateResponse> {
  return decode(certificateResponse, value);
}
export function decodeCertificateRefusal(value: unknown): Decoded<CertificateRefusal> {
  return decode(certificateRefusal, value);
}
export function decodeInitReport(json: string): Decoded<InitReport> {
  return decodeJson(initReport, json);
}
/** The probes fixed at injection (environment `HEDDLE_PROBES`). */
export function decodeProbes(json: string): Decoded<readonly Probe[]> {
  return decodeJson(probes, json);
}

function misplaced(key: Key, value: Configuration): DecodeError | undefined {
  const expected =
    key === WORKLOAD_KEY
      ? 'workload'
      : key.startsWith('pod/')
        ? 'pod'
        : key.startsWith('service/')
          ? 'service'
          : undefined;
  if (expected === undefined) return { path: 'kind', message: `the key ${key} has no configuration` };
  if (value.kind === 'absent' && expected !== 'workload') return undefined;
  if (value.kind !== expected)
    return { path: 'kind', message: `the key ${key} needs kind ${expected}, is ${value.kind}` };
  if (value.kind === 'service' && serviceKey(value.namespace, value.name) !== key) {
    return { path: 'name', message: `the key ${key} was given the Service ${value.namespace}/${value.name}` };
  }
  return value.kind === 'pod' && !isCanonicalAddress(key.slice(podKey('').length))
    ? { path: '', message: `the key ${key} holds no address` }
    : undefined;
}

function hasUnknownType(value: unknown, known: readonly string[]): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    'type' in value &&
    typeof value.type === 'string' &&
    !known.includes(value.type)
  );
}

/** PEM. */
const pem = (most: number): Decoder<string> => text({ least: 1, most, lines: true });

const certificateRequest = object<CertificateRequest>({
  csr: pem(16_384),
  token: text({ least: 1, most: 16_384 }),
  ttlSeconds: optional(integer(1, 31_536_000)),
});
const certificateResponse = object<CertificateResponse>({
  chain: pem(262_144),
  bundle: pem(1_048_576),
  notAfter: text({ least: 20, most: 40 }),
});
const certificateRefusal = object<CertificateRefusal>({ reason: shortText, message: text({ most: 4_096 }) });

const initReport = object<InitReport>({ serviceAddressSurvives: optional(boolean), ipv6: boolean });

/** A field value (RFC 9110 section 5.5); control characters are refused by `text`. */
const headerValue = text({ most: 8_192 });
const headerPair: Decoder<readonly [string, string]> = (value, at, errors) => {
  const pair = array(headerValue, { least: 2, most: 2 })(value, at, errors);
  return typeof pair === 'symbol' ? pair : [pair[0] ?? '', pair[1] ?? ''];
};

type Action = Probe['action'];
const action = union<Action, 'kind'>('kind', {
  http: object<Extract<Action, { readonly kind: 'http' }>>({
    kind: oneOf('http'),
    scheme: oneOf('HTTP', 'HTTPS'),
    path: urlPath,
    host: optional(text({ least: 1, most: 253 })),
    headers: array(headerPair, { most: 100 }),
  }),
  tcp: object<Extract<Action, { readonly kind: 'tcp' }>>({ kind: oneOf('tcp'), host: optional(kubernetesName) }),
  grpc: object<Extract<Action, { readonly kind: 'grpc' }>>({ kind: oneOf('grpc'), service: shortText }),
});
const probes = array(
  object<Probe>({
    path: text({
      least: 8,
      most: 512,
      pattern: /^\/probe\/[-.a-z0-9]+\/[a-z]+\/[0-9a-f]{32}$/,
      what: '/probe/<container>/<kind>/<32 hex digits>',
    }),
    port,
    timeoutSeconds: integer(1, 86_400),
    action,
  }),
  { most: 500 },
);
