import { HeddleError } from '../../base/errors.ts';
import type { OperatorEnvelope } from '../../contract/decode.ts';
import type { ProxyMessage } from '../../contract/stream.ts';
import type { Link, LinkEvents, OpenLink } from '../link.ts';

/** The operator's end of one stream, played by a test. */
export interface ScriptedStream {
  readonly target: string;
  readonly sent: ProxyMessage[];
  closed: boolean;
  deliver(...messages: OperatorEnvelope[]): void;
  end(error?: Error): void;
}

/** An operator without network: every stream that a proxy opens is in `streams`. */
export interface ScriptedOperator {
  readonly open: OpenLink;
  readonly streams: ScriptedStream[];
  /** False: connections fail. */
  reachable: boolean;
  readonly attempts: string[];
}

export function createScriptedOperator(): ScriptedOperator {
  const operator: ScriptedOperator = {
    streams: [],
    attempts: [],
    reachable: true,
    open(target, _credentials, events) {
      operator.attempts.push(target);
      if (!operator.reachable) return Promise.reject(new HeddleError('operator', 'nothing listens there'));
      return Promise.resolve(openOne(target, events));
    },
  };
  const openOne = (target: string, events: LinkEvents): Link => {
    const stream: ScriptedStream = {
      target,
      sent: [],
      closed: false,
      deliver(...messages) {
        for (const message of messages) events.onMessage(message);
        events.onBatchEnd();
      },
      end(error) {
        stream.closed = true;
        events.onClose(error);
      },
    };
    operator.streams.push(stream);
    return {
      send: (message) => void stream.sent.push(message),
      close() {
        if (stream.closed) return;
        stream.closed = true;
        queueMicrotask(() => events.onClose(undefined));
      },
    };
  };
  return operator;
}
