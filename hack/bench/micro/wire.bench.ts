/**
 * Cost of a message's head on the mesh wire, without sockets: `node --expose-gc hack/bench/micro/wire.bench.ts [--runs N]`. Prints ns of CPU and bytes of
 * JavaScript heap a call, median of five rounds. "There" is what one proxy writes, "and back" what the other reads of it, both with their HPACK tables warm.
 */
import { parseArgs } from 'node:util';
import { HpackDecoder } from '../../../proxy/http/h2/hpack-decoder.ts';
import { HpackEncoder, hpackBound } from '../../../proxy/http/h2/hpack-encoder.ts';
import type { RequestHead } from '../../../proxy/http/http.ts';
import { decodeRequest, encodeRequest } from '../../../proxy/mesh/wire-request.ts';
import { decodeResponse, encodeResponse } from '../../../proxy/mesh/wire-response.ts';
import { ANSWER, BROWSER } from './http-heads.ts';
import { measure } from './measure.ts';

const { values } = parseArgs({ options: { runs: { type: 'string', default: '200000' } } });
const RUNS = Number(values.runs);

const META = { destination: '10.96.0.10:80', attempt: 1, deadlineMs: 14_950 };
const SMALL: RequestHead = {
  ...BROWSER,
  target: '/',
  path: '/',
  headers: ['host', 'payment-service', 'traceparent', ''],
};

/** One direction of a connection: a list goes in, the list that the peer reads comes out. */
function wire(): (list: readonly string[]) => string[] {
  const encoder = new HpackEncoder();
  const decoder = new HpackDecoder({ tableBytes: 4_096, maxListBytes: 98_304 });
  const buffer = Buffer.allocUnsafe(16_384);
  return (list) => {
    if (hpackBound(list) > buffer.length) throw new Error('a list larger than the buffer');
    const read: string[] = [];
    decoder.decode(buffer, 0, encoder.encode(list, buffer, 0), read);
    return read;
  };
}

let trace = 0;
/** A new trace a request, as the filters make it. */
function traced(head: RequestHead): RequestHead {
  const id = (trace++ & 0xffff).toString(16).padStart(16, 'f');
  const headers = head.headers.slice(0, -1);
  headers.push(`00-0af7651916cd43dd8448eb211c80319c-${id}-01`);
  return { ...head, headers };
}

function request(name: string, head: RequestHead): void {
  measure(`${name}: there`, RUNS, () => void encodeRequest(traced(head), META));
  const sent = wire();
  measure(`${name}: there and back`, RUNS, () => {
    const decoded = decodeRequest(sent(encodeRequest(traced(head), META)), true);
    if (decoded.kind !== 'http') throw new Error(`not read: ${JSON.stringify(decoded)}`);
  });
}

request('request, 2 fields', SMALL);
request('request, 10 fields', BROWSER);
const answered = wire();
measure('response, 4 fields: there', RUNS, () => void encodeResponse(ANSWER, false));
measure('response, 4 fields: there and back', RUNS, () => {
  const decoded = decodeResponse(answered(encodeResponse(ANSWER, false)), SMALL, false);
  if (decoded.kind !== 'response') throw new Error(`not read: ${JSON.stringify(decoded)}`);
});
