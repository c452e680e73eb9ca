import { headerIndex, type Spelling } from './message.ts';
import { malformed } from './protocol-error.ts';

/** What the Connection field of a message says (RFC 9112, 9.6; RFC 9110, 7.6.1). */
export interface ConnectionOptions {
  readonly close: boolean;
  readonly keepAlive: boolean;
  readonly upgrade: boolean;
  /** Field names beyond the ones that the codec always removes. */
  readonly names: readonly string[];
}

const NONE: ConnectionOptions = { close: false, keepAlive: false, upgrade: false, names: [] };
const CLOSE: ConnectionOptions = { ...NONE, close: true };
const KEEP_ALIVE: ConnectionOptions = { ...NONE, keepAlive: true };
const UPGRADE: ConnectionOptions = { ...NONE, upgrade: true };
const COMMON = new Map<string, ConnectionOptions>([
  ['close', CLOSE],
  ['Close', CLOSE],
  ['keep-alive', KEEP_ALIVE],
  ['Keep-Alive', KEEP_ALIVE],
  ['upgrade', UPGRADE],
  ['Upgrade', UPGRADE],
]);
const TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
/** Removed by the parser wherever they stand, or options that name no field. */
const ALWAYS = new Set(['te', 'transfer-encoding', 'connection', 'http2-settings', 'proxy-connection']);
/** A message that wants these removed would change its own meaning on the way: nobody honest sends that. */
const KEPT = new Set(['host', 'content-length', 'expect']);

export function connectionOptions(value: string | undefined): ConnectionOptions {
  if (value === undefined) return NONE;
  // What nearly all say, without a hash of fresh text.
  if (value === 'keep-alive') return KEEP_ALIVE;
  return COMMON.get(value) ?? parseOptions(value);
}

function parseOptions(value: string): ConnectionOptions {
  const options = { close: false, keepAlive: false, upgrade: false, names: [] as string[] };
  for (const part of value.toLowerCase().split(',')) {
    const option = part.trim();
    if (option === '') continue;
    if (!TOKEN.test(option)) throw malformed('the Connection field holds something that is no token');
    if (option === 'close') options.close = true;
    else if (option === 'keep-alive') options.keepAlive = true;
    else if (option === 'upgrade') options.upgrade = true;
    else if (KEPT.has(option)) throw malformed(`the Connection field names ${option}, which is not hop-by-hop`);
    else if (!ALWAYS.has(option)) options.names.push(option);
  }
  return options;
}

/** Removes the fields that Connection names from a flat list, with their spelling. */
export function removeNamed(message: { headers: string[]; spelling: Spelling }, names: readonly string[]): void {
  if (!names.some((name) => headerIndex(message.headers, name) !== -1)) return;
  const gone = new Set(names);
  const headers: string[] = [];
  const spelling: string[] = [];
  for (let index = 0; index < message.headers.length; index += 2) {
    const name = message.headers[index] ?? '';
    if (gone.has(name)) continue;
    headers.push(name, message.headers[index + 1] ?? '');
    if (typeof message.spelling !== 'string') spelling.push(message.spelling[index / 2] ?? name);
  }
  message.headers = headers;
  if (typeof message.spelling !== 'string') message.spelling = spelling;
}
