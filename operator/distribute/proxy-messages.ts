import { isIP } from 'node:net';
import { HeddleError } from '../../proxy/base/errors.ts';
import { type Key, WORKLOAD_KEY } from '../../proxy/contract/snapshot.ts';
import type { Hello, ProxyMessage } from '../../proxy/contract/stream.ts';

/** Keys that one proxy may hold. */
export const MAX_KEYS = 10_000;
/** Keys in one hello (`proxy/contract/decode-messages.ts`): a proxy that is full holds its own side too. */
const MAX_HELD = 11_000;
/** Keys in one subscribe or unsubscribe (`proxy/contract/stream.ts`). */
export const MAX_KEYS_A_MESSAGE = 1_000;
/** Errors of a nack that are kept (`proxy/contract/stream.ts`). */
export const MAX_NACK_ERRORS = 10;
const MAX_ERROR_TEXT = 512;
const MAX_TOKEN_TEXT = 16_384;

/**
 * Reads one message of a proxy: all of it is hostile input. Unknown types give undefined, unknown members are dropped.
 * Throws `HeddleError` `malformed` that names the member.
 */
export function readProxyMessage(text: string): ProxyMessage | undefined {
  const value = parse(text);
  switch (value['type']) {
    case 'hello':
      return readHello(value);
    case 'subscribe':
      return { type: 'subscribe', keys: keyList(value['keys'], 'keys', MAX_KEYS_A_MESSAGE) };
    case 'unsubscribe':
      return { type: 'unsubscribe', keys: keyList(value['keys'], 'keys', MAX_KEYS_A_MESSAGE) };
    case 'ack':
      return { type: 'ack', seq: count(value['seq'], 'seq') };
    case 'nack':
      return { type: 'nack', seq: count(value['seq'], 'seq'), errors: nackErrors(value['errors']) };
    case 'report':
      return {
        type: 'report',
        inForce: count(value['inForce'], 'inForce'),
        draining: count(value['draining'], 'draining'),
      };
    case 'pong':
      return { type: 'pong', id: count(value['id'], 'id') };
    default:
      if (typeof value['type'] !== 'string') throw malformed('type', 'must be a text');
      return undefined;
  }
}

/**
 * What a key names, or undefined for a form this operator does not know (a newer proxy's: it is left unanswered).
 * Names are held to Kubernetes' alphabet so that no key can grow or carry anything else.
 */
export function isKnownKey(key: Key): boolean {
  if (key === WORKLOAD_KEY) return true;
  if (key.startsWith('pod/')) return isIP(key.slice(4)) !== 0;
  return SERVICE_KEY.test(key);
}

const NAME = '[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?';
const SERVICE_KEY = new RegExp(`^service/${NAME}/${NAME}$`);
const MAX_KEY_TEXT = 256;

type Members = Readonly<Record<string, unknown>>;

function parse(text: string): Members {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new HeddleError('malformed', 'the message is not JSON', { cause });
  }
  return members(value, 'message');
}

function readHello(value: Members): Hello {
  const pod = members(value['pod'], 'pod');
  const survives = value['serviceAddressSurvives'];
  const addresses = value['addresses'];
  const instance = value['instance'];
  return {
    type: 'hello',
    contract: count(value['contract'], 'contract'),
    proxyVersion: shortText(value['proxyVersion'], 'proxyVersion', 64),
    features: list(value['features'], 'features', 64).map((one, at) => shortText(one, `features[${at}]`, 64)),
    token: shortText(value['token'], 'token', MAX_TOKEN_TEXT),
    pod: {
      namespace: shortText(pod['namespace'], 'pod.namespace', 63),
      name: shortText(pod['name'], 'pod.name', 253),
      uid: shortText(pod['uid'], 'pod.uid', 64),
      addresses: list(pod['addresses'], 'pod.addresses', 16).map((one, at) =>
        shortText(one, `pod.addresses[${at}]`, 64),
      ),
    },
    epoch: count(value['epoch'], 'epoch'),
    held: list(value['held'], 'held', MAX_HELD).map((one, at) => readHeld(one, `held[${at}]`)),
    ...(addresses === undefined ? {} : { addresses: shortText(addresses, 'addresses', 64) }),
    ...(typeof survives === 'boolean' ? { serviceAddressSurvives: survives } : {}),
    ...(instance === undefined ? {} : { instance: shortText(instance, 'instance', 64) }),
  };
}

function readHeld(value: unknown, path: string): { key: Key; version: string } {
  const held = members(value, path);
  return {
    key: shortText(held['key'], `${path}.key`, MAX_KEY_TEXT),
    version: shortText(held['version'], `${path}.version`, 64),
  };
}

function nackErrors(value: unknown): { path: string; message: string }[] {
  if (!Array.isArray(value)) throw malformed('errors', 'must be a list');
  return value.slice(0, MAX_NACK_ERRORS).map((one: unknown, at) => {
    const error = members(one, `errors[${at}]`);
    return {
      path: clipped(error['path'], `errors[${at}].path`),
      message: clipped(error['message'], `errors[${at}].message`),
    };
  });
}

function keyList(value: unknown, path: string, most: number): Key[] {
  return list(value, path, most).map((key, at) => shortText(key, `${path}[${at}]`, MAX_KEY_TEXT));
}

function members(value: unknown, path: string): Members {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed(path, 'must be an object');
  return value as Members;
}

function list(value: unknown, path: string, most: number): readonly unknown[] {
  if (!Array.isArray(value)) throw malformed(path, 'must be a list');
  if (value.length > most) throw malformed(path, `has ${value.length} members, at most ${most} are taken`);
  return value;
}

function count(value: unknown, path: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
    throw malformed(path, 'must be a whole number from 0');
  return value;
}

function shortText(value: unknown, path: string, most: number): string {
  if (typeof value !== 'string' || value === '') throw malformed(path, 'must be a text that is not empty');
  if (value.length > most) throw malformed(path, `has ${value.length} characters, at most ${most} are taken`);
  return value;
}

/** Text for people, from a proxy: shortened, and without control characters (it reaches logs and status). */
function clipped(value: unknown, path: string): string {
  if (typeof value !== 'string') throw malformed(path, 'must be a text');
  return value.slice(0, MAX_ERROR_TEXT).replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, ' ');
}

function malformed(path: string, problem: string): HeddleError {
  return new HeddleError('malformed', `${path} ${problem}`, { where: { field: path } });
}
