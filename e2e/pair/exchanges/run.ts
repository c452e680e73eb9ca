import type { World } from '../world.ts';
import type { ScriptedApplication } from './application.ts';
import type { Exchange } from './cases.ts';
import { type Message, readMessage } from './message.ts';

export interface RunOptions {
  readonly world: World;
  readonly application: ScriptedApplication;
  /** Port of the Service. */
  readonly door: number;
}

export interface Cut {
  readonly side: 'request' | 'response';
  readonly at: number;
}

/** What the proxies may add: the verified caller, and the trace. */
const ADDED = new Set(['x-heddle-peer', 'traceparent', 'tracestate']);
const LATEST_MS = 10_000;

let next = 0;

/** One exchange with one of its messages cut; undefined: both sides read what the other one wrote. */
export async function runExchange(
  options: RunOptions,
  one: Exchange,
  cut: Cut | undefined,
): Promise<string | undefined> {
  const { application } = options;
  // Of one length: places in the bytes stay where they are.
  const id = String(10_000_000 + next++);
  const fill = (text: string): string => text.replaceAll('ID', id);
  application.scripts.set(id, {
    informs: one.informs ?? [],
    pieces: piecesOf(one.response, cut?.side === 'response' ? cut.at : 0),
    close: one.close === true,
  });
  const fault = await converse(options, one, piecesOf(fill(one.request), cut?.side === 'request' ? cut.at : 0))
    .then((got) => judge(one, fill(one.request), application.seen.get(id), got))
    .catch((error: Error) => error.message);
  application.scripts.delete(id);
  application.seen.delete(id);
  return fault === undefined
    ? undefined
    : `${one.name}, ${cut === undefined ? 'whole' : `${cut.side} cut at ${cut.at}`}: ${fault}`;
}

function piecesOf(text: string, at: number): string[] {
  return at > 0 && at < text.length ? [text.slice(0, at), text.slice(at)] : [text];
}

/** Sends the pieces in turns of their own; answers all messages that came back, the final one last. */
function converse({ world, door }: RunOptions, one: Exchange, pieces: readonly string[]): Promise<Message[]> {
  const socket = world.dial(door);
  const framing = one.framing ?? 'fields';
  return new Promise((resolve, reject) => {
    const messages: Message[] = [];
    let text = '';
    const latest = setTimeout(() => fail(`no answer within ${LATEST_MS} ms, ${JSON.stringify(text)} held`), LATEST_MS);
    const fail = (why: string): void => {
      clearTimeout(latest);
      socket.destroy();
      reject(new Error(why));
    };
    const take = (): void => {
      while (true) {
        const inform = text.startsWith('HTTP/1.1 1');
        const read = readMessage(text, 0, inform ? 'none' : framing);
        if (read === undefined) return;
        messages.push(read.message);
        text = text.slice(read.end);
        if (inform) continue;
        clearTimeout(latest);
        socket.destroy();
        if (text === '') resolve(messages);
        else reject(new Error(`bytes behind the answer: ${JSON.stringify(text)}`));
        return;
      }
    };
    socket.on('data', (piece: Buffer) => {
      text += piece.toString('latin1');
      try {
        take();
      } catch (error) {
        fail(String(error));
      }
    });
    socket.on('error', (error) => fail(error.message));
    socket.on('close', () => fail(`closed; ${JSON.stringify(text)} held`));
    socket.once('connect', () => send(pieces));
    const send = ([first = '', ...rest]: readonly string[]): void => {
      if (socket.destroyed) return;
      socket.write(Buffer.from(first, 'latin1'));
      if (rest.length > 0) setImmediate(() => setImmediate(() => send(rest)));
    };
  });
}

function judge(one: Exchange, request: string, seen: Message | undefined, got: readonly Message[]): string | undefined {
  if (seen === undefined) return `the application read nothing, the client ${JSON.stringify(got)}`;
  const sent = readMessage(request, 0, 'fields')!.message;
  const up = differ('request', sent, seen, hopOf(sent));
  if (up !== undefined) return up;
  const final = readMessage(one.response, 0, one.close === true ? 'close' : (one.framing ?? 'fields'), true)!.message;
  const expected = [...(one.informs ?? []).map((text) => readMessage(text, 0, 'none')!.message), final];
  if (got.length !== expected.length) return `${got.length} messages came back, ${expected.length} were sent`;
  return expected
    .map((message, index) =>
      differ('response', message, got[index]!, message === final ? (one.seen?.hop ?? hopOf(final)) : []),
    )
    .find((fault) => fault !== undefined);
}

const nameOf = (field: string): string => field.slice(0, field.indexOf(':')).toLowerCase();
/** White space around a value is no part of it. */
const plain = (field: string): string =>
  `${field.slice(0, field.indexOf(':'))}: ${field.slice(field.indexOf(':') + 1).trim()}`;
/** The wire carries the spelling of a head's names, and none of a trailer's. */
const lowerName = (field: string): string => nameOf(field) + field.slice(field.indexOf(':'));
/** What is said between neighbours may stand at another place, and in any case. */
const HOP = ['transfer-encoding', 'content-length', 'connection'];
const hopOf = (message: Message): readonly string[] =>
  message.fields.filter((field) => HOP.includes(nameOf(field))).map((field) => plain(field).toLowerCase());

function differ(what: string, sent: Message, got: Message, hop: readonly string[]): string | undefined {
  const rest = (message: Message): string[] =>
    message.fields.filter((field) => !ADDED.has(nameOf(field)) && !HOP.includes(nameOf(field))).map(plain);
  const pairs: readonly (readonly [string, unknown, unknown])[] = [
    ['first line', sent.first, got.first],
    ['fields', rest(sent), rest(got)],
    ['framing', [...hop].sort(), [...hopOf(got)].sort()],
    ['body', sent.body, got.body],
    ['trailers', sent.trailers.map(lowerName), got.trailers.map(lowerName)],
  ];
  for (const [part, before, after] of pairs) {
    const [left, right] = [JSON.stringify(before), JSON.stringify(after)];
    if (left !== right) return `${what}, ${part}: sent ${left}, read ${right}`;
  }
  return undefined;
}
