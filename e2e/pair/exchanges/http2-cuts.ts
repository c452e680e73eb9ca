import { PREFACE } from '../../../proxy/http/h2/codes.ts';
import { HpackDecoder } from '../../../proxy/http/h2/hpack-decoder.ts';
import { frame, headers, settings } from '../../../proxy/http/h2/testing/harness.ts';
import type { World } from '../world.ts';

const pseudo = (method: string, path: string): readonly string[] => [
  ':method',
  method,
  ':scheme',
  'http',
  ':authority',
  'shop.test',
  ':path',
  path,
];

/** A whole connection of a client, and what must come back: status, body, trailers. */
const CONVERSATIONS: readonly { readonly name: string; readonly bytes: Buffer; readonly expected: string }[] = [
  {
    name: 'GET',
    bytes: Buffer.concat([PREFACE, settings(), headers(1, true, pseudo('GET', '/x'))]),
    expected: '200 "GET seen" ',
  },
  {
    name: 'POST with a padded piece, an empty one and trailers',
    bytes: Buffer.concat([
      PREFACE,
      settings([4, 65_535]),
      headers(1, false, [...pseudo('POST', '/echo?as=length'), 'content-length', '10']),
      frame(0, 8, 1, '\x03hello\0\0\0'),
      frame(0, 0, 1),
      frame(0, 0, 1, 'again'),
      headers(1, true, ['x-sum', '10']),
    ]),
    expected: '200 "helloagain" x-sum: 10',
  },
  {
    name: 'HEAD in two pieces of its block, after a PING',
    bytes: Buffer.concat([
      PREFACE,
      settings(),
      frame(6, 0, 0, 'pingpong'),
      ...inTwo(headers(1, true, pseudo('HEAD', '/status?code=200&length=7'))),
    ]),
    expected: '200 "" ',
  },
];

/** HEADERS and CONTINUATION from one HEADERS. */
function inTwo(whole: Buffer): Buffer[] {
  const payload = whole.subarray(9);
  return [frame(1, 1, 1, payload.subarray(0, 11)), frame(9, 4, 1, payload.subarray(11))];
}

/** Each conversation with its bytes in two pieces, cut at each place. Answers what went wrong. */
export async function http2Cuts(world: World, door: number): Promise<{ cases: number; failures: string[] }> {
  const failures: string[] = [];
  let cases = 0;
  for (const { name, bytes, expected } of CONVERSATIONS) {
    const places = Array.from({ length: bytes.length - 1 }, (_, at) => at + 1);
    cases += places.length;
    const client = async (): Promise<void> => {
      for (let at = places.pop(); at !== undefined; at = places.pop()) {
        const got = await converse(world, door, [bytes.subarray(0, at), bytes.subarray(at)]);
        if (got !== expected) failures.push(`HTTP/2 ${name}, cut at ${at}: ${got} instead of ${expected}`);
      }
    };
    await Promise.all(Array.from({ length: 32 }, client));
  }
  return { cases, failures };
}

const LATEST_MS = 10_000;

function converse(world: World, door: number, pieces: readonly Buffer[]): Promise<string> {
  const socket = world.dial(door);
  return new Promise((resolve) => {
    let bytes: Buffer = Buffer.alloc(0);
    const finish = (text: string): void => {
      clearTimeout(latest);
      socket.destroy();
      resolve(text);
    };
    const latest = setTimeout(() => finish(`nothing within ${LATEST_MS} ms`), LATEST_MS);
    socket.on('data', (piece: Buffer) => {
      bytes = Buffer.concat([bytes, piece]);
      const answer = readAnswer(bytes);
      if (answer !== undefined) finish(answer);
    });
    socket.on('error', (error) => finish(error.message));
    socket.on('close', () => finish('closed'));
    socket.once('connect', () => {
      socket.write(pieces[0]!);
      setImmediate(() => setImmediate(() => socket.write(pieces[1]!)));
    });
  });
}

/** Undefined: stream 1 has not ended. */
function readAnswer(bytes: Buffer): string | undefined {
  const decoder = new HpackDecoder({ tableBytes: 4_096, maxListBytes: 65_536 });
  const lists: string[][] = [];
  let body = '';
  for (let at = 0; at + 9 <= bytes.length; ) {
    const end = at + 9 + bytes.readUIntBE(at, 3);
    if (end > bytes.length) return undefined;
    const type = bytes[at + 3]!;
    if (type === 7 || type === 3) return `frame of type ${type}: ${bytes.toString('latin1', at + 9, end)}`;
    if (type === 0) body += bytes.toString('latin1', at + 9, end);
    if (type === 1) {
      const list: string[] = [];
      decoder.decode(bytes, at + 9, end, list);
      lists.push(list);
    }
    if (type <= 1 && (bytes[at + 4]! & 1) !== 0) {
      const [head = [], trailers = []] = lists;
      return `${head[1]} ${JSON.stringify(body)} ${trailers.join(': ')}`;
    }
    at = end;
  }
  return undefined;
}
