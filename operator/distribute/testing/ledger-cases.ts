import type { LedgerScript } from './ledger-script.ts';

export const KEY = 'service/shop/payment';
const OTHER = 'service/shop/fraud';

export interface LedgerCase {
  readonly name: string;
  readonly run: (script: LedgerScript) => void;
  /** `selected acked inForce draining rejected lagging unreachable` of p at generation 2. */
  readonly numbers: string;
  readonly missing?: number;
  readonly laggards?: readonly string[];
  readonly unheard?: readonly string[];
}

/** Most cases begin with a proxy on which generation 1 is in force. */
export const atOne = (script: LedgerScript, name = 'a'): void => {
  script.enter(name);
  script.settle(name, KEY, 'p@1');
};

/** Every way in which a proxy can stand to generation 2 of policy p. */
export const LEDGER_CASES: readonly LedgerCase[] = [
  { name: 'nobody', run: () => {}, numbers: '0 0 0 0 0 0 0', missing: 0 },
  { name: 'the old generation in force', run: (s) => atOne(s), numbers: '1 0 0 0 0 0 0', missing: 1 },
  {
    name: 'sent, not answered',
    run: (s) => {
      atOne(s);
      s.send('a', KEY, 'p@2');
    },
    numbers: '1 0 0 0 0 0 0',
  },
  {
    name: 'acknowledged, not in force',
    run: (s) => {
      atOne(s);
      s.ack('a', KEY, s.send('a', KEY, 'p@2'));
    },
    numbers: '1 1 0 0 0 0 0',
  },
  {
    name: 'in force, two requests of before still run',
    run: (s) => {
      atOne(s);
      const seq = s.send('a', KEY, 'p@2');
      s.ack('a', KEY, seq);
      s.report('a', seq, 2);
    },
    numbers: '1 1 1 2 0 0 0',
    missing: 0,
  },
  {
    name: 'a report of an older update proves nothing about the newer one',
    run: (s) => {
      atOne(s);
      const first = s.send('a', KEY, 'p@1 q@1');
      const second = s.send('a', KEY, 'p@2 q@1');
      s.ack('a', KEY, first);
      s.ack('a', KEY, second);
      s.report('a', first);
    },
    numbers: '1 1 0 0 0 0 0',
  },
  {
    name: 'provenance alone moves the generation',
    run: (s) => {
      atOne(s);
      s.settle('a', KEY, 'p@2');
    },
    numbers: '1 1 1 0 0 0 0',
  },
  {
    name: 'refused: its own number, never progress',
    run: (s) => {
      atOne(s);
      s.nack('a', KEY, s.send('a', KEY, 'p@2'), 'traffic.routes[0]: bad');
    },
    numbers: '1 0 0 0 1 0 0',
    laggards: ['shop/a: rejected: traffic.routes[0]: bad'],
  },
  {
    name: 'refused, then accepted',
    run: (s) => {
      atOne(s);
      s.nack('a', KEY, s.send('a', KEY, 'p@2'), 'bad');
      s.settle('a', KEY, 'p@2');
    },
    numbers: '1 1 1 0 0 0 0',
  },
  {
    name: 'a refusal of another policy’s change does not reject this one, which is in force',
    run: (s) => {
      atOne(s);
      s.settle('a', KEY, 'p@2 q@1');
      s.nack('a', KEY, s.send('a', KEY, 'p@2 q@2'), 'q is bad');
    },
    numbers: '1 1 1 0 0 0 0',
  },
  {
    name: 'no acknowledgement for 5 s: lagging',
    run: (s) => {
      atOne(s);
      s.send('a', KEY, 'p@2');
      s.now = 5_000;
      s.heard('a');
    },
    numbers: '1 0 0 0 0 1 0',
    laggards: ['shop/a: connected, no acknowledgement within 5 s'],
  },
  {
    name: 'stopped (SIGSTOP): unreachable after 10 s, with the stream open',
    run: (s) => {
      atOne(s);
      s.send('a', KEY, 'p@2');
      s.now = 10_000;
    },
    numbers: '1 0 0 0 0 0 1',
    missing: 1,
    laggards: ['shop/a: no answer for 10 s (stream open)'],
  },
  {
    name: 'stopped with a full socket: nothing could be sent, and still it counts',
    run: (s) => {
      atOne(s);
      s.owe('a', KEY, ['p']);
      s.now = 10_000;
    },
    numbers: '1 0 0 0 0 0 1',
  },
  {
    name: 'a new policy and a proxy that cannot be told: counted from the start',
    run: (s) => {
      s.enter('a');
      s.settle('a', KEY, 'q@1');
      s.owe('a', KEY, ['p']);
    },
    numbers: '1 0 0 0 0 0 0',
  },
  {
    name: 'unreachable and in force: both are true',
    run: (s) => {
      atOne(s);
      s.settle('a', KEY, 'p@2');
      s.now = 20_000;
    },
    numbers: '1 1 1 0 0 0 1',
    missing: 0,
    laggards: ['shop/a: no answer for 10 s (stream open), in force when last heard'],
  },
  {
    name: 'unreachable with an excuse: the pod is NotReady',
    run: (s) => {
      atOne(s);
      s.states.set('a', 'notReady');
      s.disconnect('a');
      s.now = 20_000;
    },
    numbers: '1 0 0 0 0 0 1',
    missing: 0,
    laggards: ['shop/a: no answer for 10 s (disconnected, pod NotReady)'],
  },
  {
    name: 'a disconnected proxy does not leave',
    run: (s) => {
      atOne(s);
      s.disconnect('a');
    },
    numbers: '1 0 0 0 0 0 0',
  },
  {
    name: 'a deleted pod leaves',
    run: (s) => {
      atOne(s);
      atOne(s, 'b');
      s.ledger.tick(s.now, () => 'ready');
      s.ledger.tick(s.now, (uid) => (uid === 'a' ? 'gone' : 'ready'));
    },
    numbers: '1 0 0 0 0 0 0',
  },
  {
    name: 'a pod that the world showed once, and shows no more, leaves when its stream is gone',
    run: (s) => {
      atOne(s);
      s.ledger.tick(s.now, () => 'ready');
      s.disconnect('a');
      s.ledger.tick(s.now, () => 'unknown');
    },
    numbers: '0 0 0 0 0 0 0',
  },
  {
    name: 'unsubscribed: leaves',
    run: (s) => {
      atOne(s);
      s.unsubscribe('a', KEY);
    },
    numbers: '0 0 0 0 0 0 0',
  },
  {
    name: 'just subscribed: decides nothing yet, so it does not break a True',
    run: (s) => {
      s.enter('a');
      s.send('a', KEY, 'p@2');
      s.now = 4_999;
    },
    numbers: '0 0 0 0 0 0 0',
  },
  {
    name: 'just subscribed and still nothing after 5 s: counts, and lags',
    run: (s) => {
      s.enter('a');
      s.send('a', KEY, 'p@2');
      s.now = 5_000;
      s.heard('a');
    },
    numbers: '1 0 0 0 0 1 0',
  },
  {
    name: 'just subscribed, but an update of the old generation is on its way',
    run: (s) => {
      s.enter('a');
      s.send('a', KEY, 'p@1');
      s.send('a', KEY, 'p@2');
    },
    numbers: '1 0 0 0 0 0 0',
  },
  {
    name: 'several keys: the lowest generation counts, once',
    run: (s) => {
      atOne(s);
      s.settle('a', OTHER, 'p@1');
      s.settle('a', KEY, 'p@2');
    },
    numbers: '1 0 0 0 0 0 0',
  },
  {
    name: 'several keys, all there',
    run: (s) => {
      atOne(s);
      s.settle('a', OTHER, 'p@2');
      s.settle('a', KEY, 'p@2');
    },
    numbers: '1 1 1 0 0 0 0',
  },
  {
    name: 'several keys, one refused',
    run: (s) => {
      atOne(s);
      s.settle('a', KEY, 'p@2');
      s.settle('a', OTHER, 'p@1');
      s.nack('a', OTHER, s.send('a', OTHER, 'p@2'), 'bad');
    },
    numbers: '1 0 0 0 1 0 0',
  },
  {
    name: 'the new generation left a key: it counts until the old one is gone there',
    run: (s) => {
      atOne(s);
      s.ack('a', KEY, s.send('a', KEY, 'q@1'));
    },
    numbers: '1 1 0 0 0 0 0',
  },
  {
    name: 'the new generation left a key, for good',
    run: (s) => {
      atOne(s);
      s.settle('a', KEY, 'q@1');
    },
    numbers: '0 0 0 0 0 0 0',
  },
  {
    name: 'edited while lagging: the clock goes on from the oldest unanswered change',
    run: (s) => {
      atOne(s);
      s.send('a', KEY, 'p@1 q@2');
      s.now = 3_000;
      s.send('a', KEY, 'p@2 q@2');
      s.now = 5_000;
      s.heard('a');
    },
    numbers: '1 0 0 0 0 1 0',
  },
  {
    name: 'reconnected with what is in force: still in force',
    run: (s) => {
      atOne(s);
      s.settle('a', KEY, 'p@2');
      s.disconnect('a');
      s.enter('a', { [KEY]: 'p@2' });
    },
    numbers: '1 1 1 0 0 0 0',
  },
  {
    name: 'restarted with an older copy from disk: not in force any more',
    run: (s) => {
      atOne(s);
      s.settle('a', KEY, 'p@2');
      s.disconnect('a');
      s.enter('a', { [KEY]: 'something of last week' });
    },
    numbers: '1 0 0 0 0 0 0',
  },
  {
    name: 'reconnected after an unreported update: what may still be decided counts',
    run: (s) => {
      atOne(s);
      s.ack('a', KEY, s.send('a', KEY, 'p@2'));
      s.disconnect('a');
      s.enter('a', { [KEY]: 'p@2' });
    },
    numbers: '1 0 0 0 0 0 0',
  },
  {
    name: 'the operator restarted: content of unknown provenance is not in force before its proxy says so',
    run: (s) => void s.enter('a', { [KEY]: 'p@2' }),
    numbers: '1 0 0 0 0 0 0',
  },
  {
    name: 'the operator restarted and the proxy acknowledged the provenance',
    run: (s) => {
      s.enter('a', { [KEY]: 'p@2' });
      s.settle('a', KEY, 'p@2');
    },
    numbers: '1 1 1 0 0 0 0',
  },
  {
    name: 'a ready pod that this operator never heard of counts as unreachable',
    run: (s) => {
      s.states.set('z', 'ready');
      atOne(s);
      s.settle('a', KEY, 'p@2');
    },
    unheard: ['z'],
    numbers: '2 1 1 0 0 0 1',
    missing: 1,
  },
];
