import { address, cidr, key, kubernetesName, shortText, version } from './decode-values.ts';
import {
  anything,
  array,
  boolean,
  type Decoder,
  integer,
  object,
  oneOf,
  optional,
  record,
  text,
  union,
} from './decoding.ts';
import type { Provenance } from './snapshot.ts';
import type {
  Ack,
  Addresses,
  Goaway,
  Hello,
  Nack,
  OperatorMessage,
  Ping,
  Pong,
  ProxyMessage,
  Report,
  Subscribe,
  Unsubscribe,
  Update,
  Welcome,
} from './stream.ts';

/** Decoders of the messages in `stream.ts`. */

/** An update whose content is not decoded yet: an error in it is answered with a NACK, an error around it ends the stream. */
export interface UpdateEnvelope extends Omit<Update, 'content'> {
  readonly content?: unknown;
}
export type OperatorEnvelope = Exclude<OperatorMessage, Update> | UpdateEnvelope;

const count = integer(0, Number.MAX_SAFE_INTEGER);

const provenance = object<Provenance>({
  kind: oneOf('MeshPolicy', 'MeshAccessPolicy', 'MeshConfig'),
  uid: text({ least: 1, most: 128 }),
  generation: count,
  name: shortText,
});

export const operatorMessage: Decoder<OperatorEnvelope> = union<OperatorEnvelope, 'type'>('type', {
  welcome: object<Welcome>({ type: oneOf('welcome'), operator: shortText }),
  addresses: object<Addresses>({
    type: oneOf('addresses'),
    version,
    base: optional(version),
    ranges: array(cidr, { most: 10_000 }),
    set: record(address, key, 500_000),
    remove: array(address, { most: 500_000 }),
  }),
  update: object<UpdateEnvelope>({
    type: oneOf('update'),
    seq: count,
    key,
    version,
    provenance: array(provenance, { most: 1_000 }),
    mustUnderstand: array(shortText, { most: 100 }),
    content: optional(anything),
  }),
  ping: object<Ping>({ type: oneOf('ping'), id: count }),
  goaway: object<Goaway>({
    type: oneOf('goaway'),
    reason: shortText,
    leader: optional(text({ least: 3, most: 300, pattern: /^[^\s/@]+:\d{1,5}$/, what: 'host:port' })),
  }),
});

const keys = array(key, { most: 1_000 });

export const proxyMessage: Decoder<ProxyMessage> = union<ProxyMessage, 'type'>('type', {
  hello: object<Hello>({
    type: oneOf('hello'),
    contract: integer(1, 1_000_000),
    proxyVersion: shortText,
    features: array(shortText, { most: 100 }),
    token: text({ least: 1, most: 16_384 }),
    pod: object<Hello['pod']>({
      namespace: kubernetesName,
      name: kubernetesName,
      uid: text({ least: 1, most: 128 }),
      addresses: array(address, { most: 16 }),
    }),
    epoch: integer(1, Number.MAX_SAFE_INTEGER),
    instance: optional(text({ least: 1, most: 128 })),
    held: array(object<Hello['held'][number]>({ key, version }), { most: 11_000 }),
    addresses: optional(version),
    serviceAddressSurvives: optional(boolean),
  }),
  subscribe: object<Subscribe>({ type: oneOf('subscribe'), keys }),
  unsubscribe: object<Unsubscribe>({ type: oneOf('unsubscribe'), keys }),
  ack: object<Ack>({ type: oneOf('ack'), seq: count }),
  nack: object<Nack>({
    type: oneOf('nack'),
    seq: count,
    errors: array(object<Nack['errors'][number]>({ path: text({ most: 2_000 }), message: text({ most: 2_000 }) }), {
      most: 10,
    }),
  }),
  report: object<Report>({ type: oneOf('report'), inForce: count, draining: count }),
  pong: object<Pong>({ type: oneOf('pong'), id: count }),
});

/** Names of the types: a message of another type is ignored, not an error. */
export const OPERATOR_TYPES: readonly string[] = ['welcome', 'addresses', 'update', 'ping', 'goaway'];
export const PROXY_TYPES: readonly string[] = ['hello', 'subscribe', 'unsubscribe', 'ack', 'nack', 'report', 'pong'];
