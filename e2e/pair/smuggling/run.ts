import { connect, type Socket } from 'node:net';
import type { RecordingBackend } from '../backend.ts';
import type { AccessLine } from '../proxy-process.ts';
import { poll } from '../testing.ts';
import type { World } from '../world.ts';
import type { Attack } from './case.ts';
import { chunks } from './chunks.ts';
import { connectionFields } from './connection-fields.ts';
import { codingLines, codings, lengths } from './framing.ts';
import { bytesInHeads } from './head-bytes.ts';
import { hosts } from './hosts.ts';
import { names } from './names.ts';
import { pipelines } from './pipelines.ts';
import { requestLines } from './request-lines.ts';

/** All attacks. */
export function grid(): Attack[] {
  return [
    ...codings(),
    ...codingLines(),
    ...lengths(),
    ...chunks(),
    ...bytesInHeads(),
    ...requestLines(),
    ...hosts(),
    ...names(),
    ...connectionFields(),
    ...pipelines(),
  ];
}

/** Through both proxies, or from the network to the inbound side alone, in plaintext. */
export type Entry = 'pair' | 'plaintext';

export interface GridOptions {
  readonly world: World;
  readonly backend: RecordingBackend;
  /** Port of the Service in front of the backend. */
  readonly door: number;
  readonly entry: Entry;
  readonly attacks: readonly Attack[];
  /** Another one cuts each attack in another way, at another place. */
  readonly seed: number;
}

export interface GridResult {
  readonly passed: number;
  readonly failures: readonly string[];
}

/** Clients at once. */
const CLIENTS = 48;
/** How long a case may take to come to its end. */
const LATEST_MS = 5_000;
/** How long bytes that must not cause anything are watched. */
const WATCHED_MS = 60;

/** Runs all attacks, then compares what was answered, what the backend read and what the proxies logged. */
export async function runGrid(options: GridOptions): Promise<GridResult> {
  const { world, backend, attacks } = options;
  backend.seen.splice(0);
  world.order.forget();
  world.payment.forget();
  const failures: string[] = [];
  const ends = new Array<End>(attacks.length);
  let next = 0;
  const client = async (): Promise<void> => {
    for (let index = next++; index < attacks.length; index = next++) ends[index] = await play(options, index);
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  // Every request that reached the backend whole leaves a line at each proxy.
  const complete = backend.seen.filter((one) => one.complete).length;
  const logs = options.entry === 'pair' ? [world.order, world.payment] : [world.payment];
  await poll(() => logs.every((log) => answered(log.lines).length >= complete), LATEST_MS).catch(() => {});
  const seen = groupBy(
    backend.seen.filter((one) => one.complete),
    (one) => `${one.target} ${one.host}`,
  );
  const logged = logs.map((log) => groupBy(answered(log.lines), (line) => `${line.path} ${line.authority}`));
  attacks.forEach((attack, index) => {
    const fault = judge(attack, index, ends[index]!, seen, logged);
    if (fault !== undefined) failures.push(`${options.entry} ${index} ${attack.name}: ${fault}`);
  });
  failures.push(...backend.violations.splice(0).map((text) => `${options.entry}: the backend was sent ${text}`));
  logs.forEach((log) => {
    const count = answered(log.lines).length;
    if (count !== complete)
      failures.push(`${options.entry}: a proxy logged ${count} answered requests, the backend read ${complete}`);
    if (log.exit !== undefined) failures.push(`${options.entry}: a proxy ended: ${log.exit}`);
  });
  return { passed: attacks.length - failures.length, failures };
}

/** Lines of requests that the application answered. */
function answered(lines: readonly AccessLine[]): AccessLine[] {
  return lines.filter((line) => (line.status === 200 || line.status === 405) && line.reason === undefined);
}

/** What the client saw. `targets`: of the answers of the application, which repeats the target. */
interface End {
  readonly targets: readonly string[];
  readonly refusals: readonly number[];
  readonly closed: boolean;
}

function bytesOf(attack: Attack, index: number): Buffer {
  const hidden = `GET /hidden-${mark(index)} HTTP/1.1\r\nHost: shop.test\r\n\r\n`;
  return Buffer.from(attack.bytes.replaceAll('ID', mark(index)) + hidden, 'latin1');
}

/** Of one length, so that lengths in attacks hold. */
const mark = (index: number): string => `n${String(index).padStart(5, '0')}`;

function play(options: GridOptions, index: number): Promise<End> {
  const { world, door, entry } = options;
  const attack = options.attacks[index]!;
  const socket =
    entry === 'pair'
      ? world.dial(door)
      : connect({ host: world.inbound.address(options.backend.port), port: world.inbound.port, noDelay: true });
  const wanted = attack.outcome === 'through' ? attack.bodies.length + 1 : Number.POSITIVE_INFINITY;
  return new Promise((resolve) => {
    let text = '';
    let closed = false;
    const finish = (): void => {
      clearTimeout(latest);
      socket.destroy();
      resolve({ ...read(text, attack), closed });
    };
    const latest = setTimeout(finish, attack.outcome === 'waiting' ? WATCHED_MS : LATEST_MS);
    socket.on('data', (piece: Buffer) => {
      text += piece.toString('latin1');
      if (wanted !== Number.POSITIVE_INFINITY && read(text, attack).targets.length >= wanted) setTimeout(finish, 2);
    });
    socket.on('error', () => {});
    socket.on('end', () => {
      closed = true;
      finish();
    });
    socket.on('close', () => {
      closed = true;
      finish();
    });
    send(socket, bytesOf(attack, index), index, options.seed);
  });
}

/** Whole, in two pieces, or byte by byte: by the number of the case and the seed. */
function send(socket: Socket, bytes: Buffer, index: number, seed: number): void {
  const way = (index + seed) % 3;
  socket.on('connect', () => {
    if (way === 0) {
      socket.write(bytes);
    } else if (way === 1) {
      const cut = 1 + ((index * 7_919 + seed * 104_729) % (bytes.length - 1));
      socket.write(bytes.subarray(0, cut));
      setImmediate(() => socket.write(bytes.subarray(cut)));
    } else {
      const from = Math.max(0, bytes.length - 90);
      socket.write(bytes.subarray(0, from));
      let at = from;
      const one = (): void => {
        if (socket.destroyed || at >= bytes.length) return;
        socket.write(bytes.subarray(at, ++at));
        setImmediate(one);
      };
      setImmediate(one);
    }
  });
}

/** Reads the answers. Everything here is answered with a length. */
function read(text: string, attack: Attack): { targets: string[]; refusals: number[] } {
  const targets: string[] = [];
  const refusals: number[] = [];
  let at = 0;
  // An answer to HEAD has no body; only the attacks' own methods say so.
  const head = attack.bytes.startsWith('HEAD ');
  while (true) {
    const end = text.indexOf('\r\n\r\n', at);
    if (end === -1) break;
    const block = text.slice(at, end);
    const status = Number(block.slice(9, 12));
    const length = Number(/^content-length: (\d+)$/im.exec(block)?.[1] ?? 0);
    const bodiless = head && targets.length === 0 && status === 200;
    const body = bodiless ? '' : text.slice(end + 4, end + 4 + length);
    if (!bodiless && body.length < length) break;
    if (/^x-heddle-reason:/im.test(block)) refusals.push(status);
    else targets.push(body);
    at = end + 4 + body.length;
  }
  return { targets, refusals };
}

type Seen = ReadonlyMap<
  string,
  readonly {
    readonly target: string;
    readonly host: string | undefined;
    readonly method: string;
    readonly bodyBytes: number;
  }[]
>;
type Logged = readonly ReadonlyMap<string, readonly AccessLine[]>[];

function judge(attack: Attack, index: number, end: End, seen: Seen, logged: Logged): string | undefined {
  const own = [...valuesWith(seen, mark(index))];
  const hidden = own.filter((one) => one.target.startsWith('/hidden'));
  const requests = own.filter((one) => !one.target.startsWith('/hidden'));
  const visible = attack.outcome === 'through' ? 1 : 0;
  if (hidden.length !== visible)
    return `the backend read the hidden request ${hidden.length} times, answers ${JSON.stringify(end)}`;
  if (requests.length !== attack.bodies.length)
    return `the backend read ${requests.length} requests instead of ${attack.bodies.length}, answers ${JSON.stringify(end)}`;
  const sizes = requests.map((one) => one.bodyBytes);
  if (sizes.join() !== attack.bodies.join()) return `bodies of ${sizes} bytes instead of ${attack.bodies}`;
  if (end.targets.length !== own.length)
    return `the client read ${end.targets.length} answers to ${own.length} requests`;
  const refusals = attack.outcome === 'refused' ? 1 : 0;
  if (end.refusals.length !== refusals) return `refusals ${JSON.stringify(end.refusals)}`;
  if (end.refusals.some((status) => status < 400 || status > 505)) return `refused with ${end.refusals}`;
  if ((attack.outcome === 'refused' || attack.outcome === 'last') && !end.closed) return 'the connection stayed open';
  for (const lines of logged) {
    const fault = compare(own, [...valuesWith(lines, mark(index))]);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** What the backend read and what a proxy logged: the same count, methods, targets, hosts and body lengths, in order. */
function compare(
  own: readonly { target: string; host: string | undefined; method: string; bodyBytes: number }[],
  lines: readonly AccessLine[],
): string | undefined {
  const read = own.map((one) => `${one.method} ${pathOf(one.method, one.target)} ${one.host} ${one.bodyBytes}`).sort();
  // Where an HTTP/1.0 client named no Host, the proxies write the peer's address for the backend.
  const written = lines.map((line) => `${line.method} ${line.path} ${line.authority} ${line.requestBytes}`).sort();
  return read.join('\n') === written.join('\n')
    ? undefined
    : `read ${JSON.stringify(read)}, logged ${JSON.stringify(written)}`;
}

/** The path of a target, as RFC 9112, 3.2 defines it. */
function pathOf(method: string, target: string): string {
  if (method === 'CONNECT') return '';
  if (target.startsWith('/') || target === '*') return target;
  const rest = target.slice(target.indexOf('://') + 3);
  const slash = rest.search(/[/?]/);
  if (slash === -1) return method === 'OPTIONS' ? '*' : '/';
  return rest[slash] === '?' ? `/${rest.slice(slash)}` : rest.slice(slash);
}

function groupBy<Item>(items: readonly Item[], key: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const id = /n\d{5}/.exec(key(item))?.[0] ?? '';
    const group = groups.get(id);
    if (group === undefined) groups.set(id, [item]);
    else group.push(item);
  }
  return groups;
}

function valuesWith<Item>(groups: ReadonlyMap<string, readonly Item[]>, id: string): readonly Item[] {
  return groups.get(id) ?? [];
}
