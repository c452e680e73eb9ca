import { BlockList, isIP } from 'node:net';
import { HeddleError } from '../base/errors.ts';
import type { InitOptions } from '../contract/bootstrap.ts';

const KEYS = new Set<string>([
  'proxyUid',
  'proxyGid',
  'outboundPort',
  'inboundPort',
  'excludeInboundPorts',
  'excludeOutboundPorts',
  'excludeOutboundCidrs',
  'selfCheckTarget',
] satisfies (keyof InitOptions)[]);

/** Reads the one JSON argument. Throws `init_options`, naming the field: a typo must not leave traffic outside the mesh. */
export function parseOptions(argument: string | undefined): InitOptions {
  const fields = parseObject(argument);
  for (const name of Object.keys(fields)) {
    if (!KEYS.has(name)) throw fault(name, 'is no option of this version of heddle-init');
  }
  const { selfCheckTarget: target, proxyGid: group } = fields;
  const options: InitOptions = {
    proxyUid: integer(fields, 'proxyUid', 1, 4_294_967_294),
    ...(group === undefined ? {} : { proxyGid: integer(fields, 'proxyGid', 1, 4_294_967_294) }),
    outboundPort: integer(fields, 'outboundPort', 1, 65_535),
    inboundPort: integer(fields, 'inboundPort', 1, 65_535),
    excludeInboundPorts: ports(fields, 'excludeInboundPorts'),
    excludeOutboundPorts: ports(fields, 'excludeOutboundPorts'),
    excludeOutboundCidrs: list(fields, 'excludeOutboundCidrs').map((value) => cidr(value, 'excludeOutboundCidrs')),
    ...(target === undefined ? {} : { selfCheckTarget: hostAndPort(target) }),
  };
  if (options.outboundPort === options.inboundPort) throw fault('inboundPort', 'is the same as outboundPort');
  return options;
}

/** `host:port`, `[v6]:port`, taken apart. */
export function splitTarget(target: string): { host: string; port: number } {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]/\s]+)):([0-9]{1,5})$/.exec(target);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || port < 1 || port > 65_535) {
    throw fault('selfCheckTarget', `is "${target}", but must be host:port (IPv6 in brackets)`);
  }
  return { host, port };
}

/** The options leave this destination out of the mesh. */
export function isExcluded(options: InitOptions, address: string, port: number): boolean {
  if (options.excludeOutboundPorts.includes(port)) return true;
  const excluded = new BlockList();
  for (const text of options.excludeOutboundCidrs) {
    const [network = '', bits = ''] = text.split('/');
    excluded.addSubnet(network, Number(bits), network.includes(':') ? 'ipv6' : 'ipv4');
  }
  return excluded.check(address, address.includes(':') ? 'ipv6' : 'ipv4');
}

function parseObject(argument: string | undefined): Record<string, unknown> {
  if (argument === undefined)
    throw new HeddleError('init_options', 'heddle-init needs its options as one JSON argument');
  let value: unknown;
  try {
    value = JSON.parse(argument);
  } catch (cause) {
    throw new HeddleError('init_options', 'the argument of heddle-init is not JSON', { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new HeddleError('init_options', 'the argument of heddle-init is not a JSON object');
  }
  return { ...value };
}

function integer(fields: Record<string, unknown>, name: string, least: number, most: number): number {
  return wholeNumber(fields[name], name, least, most);
}

function wholeNumber(value: unknown, name: string, least: number, most: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
  throw fault(name, `is ${JSON.stringify(value)}, but must be a whole number from ${least} to ${most}`);
}

function list(fields: Record<string, unknown>, name: string): readonly unknown[] {
  const value = fields[name];
  if (!Array.isArray(value)) throw fault(name, 'must be a list');
  return value;
}

function ports(fields: Record<string, unknown>, name: string): readonly number[] {
  return list(fields, name).map((value) => wholeNumber(value, name, 1, 65_535));
}

/** The value becomes a word of a rule: nothing but an address and a prefix length may pass. */
function cidr(value: unknown, name: string): string {
  const [address = '', bits = '', more] = typeof value === 'string' ? value.split('/') : [];
  const family = isIP(address);
  const legal = family !== 0 && !address.includes('%') && /^[0-9]{1,3}$/.test(bits) && more === undefined;
  if (legal && Number(bits) <= (family === 4 ? 32 : 128)) return `${address}/${Number(bits)}`;
  throw fault(name, `holds ${JSON.stringify(value)}, but must hold CIDRs such as 10.0.0.0/8 or fd00::/8`);
}

function hostAndPort(value: unknown): string {
  if (typeof value !== 'string') throw fault('selfCheckTarget', 'must be a string host:port');
  splitTarget(value);
  return value;
}

function fault(name: string, text: string): HeddleError {
  return new HeddleError('init_options', `option ${name} ${text}`, { where: { option: name } });
}
