import { FakeClock } from '../../base/testing/fake-clock.ts';
import { ScriptedTransport } from '../../base/testing/scripted-transport.ts';
import { endRound } from '../../base/turn.ts';
import { createHttp1Client, type Http1ClientConnection } from '../http.ts';
import { DEFAULT_HTTP_LIMITS, type HttpLimits } from '../limits.ts';
import type { ClientExchange, Failure, HeaderList, RequestHead, ResponseHead } from '../message.ts';
import { requestHead } from './heads.ts';

/** What the receiver of one response heard, in order of `calls`. */
export interface Answer {
  readonly exchange: ClientExchange;
  informs: ResponseHead[];
  head: ResponseHead | undefined;
  body: string;
  ends: number;
  trailers: HeaderList | undefined;
  failure: Failure | undefined;
  drains: number;
}

export interface ClientHarness {
  readonly transport: ScriptedTransport;
  readonly client: Http1ClientConnection;
  readonly idles: () => number;
  readonly closes: () => number;
  /** A request whose head has left. */
  send(head?: Partial<RequestHead>): Answer;
  /** A request in the middle of the round: nothing of it is written yet. */
  begin(head?: Partial<RequestHead>): Answer;
}

const GET = requestHead({ target: '/a', path: '/a', authority: 'h', headers: ['host', 'h'] });

/** A client connection on a scripted transport that notes all it hears. */
export function clientHarness(
  limits: Partial<HttpLimits> = {},
  transport = new ScriptedTransport('10.0.0.7'),
): ClientHarness {
  let idles = 0;
  let closes = 0;
  const client = createHttp1Client(transport, {
    limits: { ...DEFAULT_HTTP_LIMITS, ...limits },
    clock: new FakeClock(),
    onIdle: () => void idles++,
    onClose: () => void closes++,
  });
  const begin = (head: Partial<RequestHead> = {}): Answer => listen(client, { ...GET, ...head });
  const send = (head: Partial<RequestHead> = {}): Answer => {
    const answer = begin(head);
    endRound();
    return answer;
  };
  return { transport, client, idles: () => idles, closes: () => closes, send, begin };
}

function listen(client: Http1ClientConnection, head: RequestHead): Answer {
  const heard = {
    informs: [] as ResponseHead[],
    head: undefined as ResponseHead | undefined,
    body: '',
    ends: 0,
    trailers: undefined as HeaderList | undefined,
    failure: undefined as Failure | undefined,
    drains: 0,
  };
  const exchange = client.request(head, {
    onInform: (inform) => void heard.informs.push(inform),
    onResponse: (response) => {
      if (heard.head !== undefined) throw new Error('a second response');
      heard.head = response;
    },
    onBody: (buffer, start, end) => {
      if (heard.failure !== undefined) throw new Error('body after a failure');
      heard.body += buffer.toString('latin1', start, end);
    },
    onEnd: (trailers) => {
      heard.ends++;
      heard.trailers = trailers;
    },
    onDrain: () => void heard.drains++,
    onFailure: (failure) => {
      if (heard.failure !== undefined) throw new Error('a second failure');
      heard.failure = failure;
    },
  });
  return Object.assign(heard, { exchange });
}
