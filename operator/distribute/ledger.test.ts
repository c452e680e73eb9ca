import { describe, expect, test } from '@jest/globals';
import { WORKLOAD_KEY } from '../../proxy/contract/snapshot.ts';
import { atOne, KEY, LEDGER_CASES } from './testing/ledger-cases.ts';
import { LedgerScript } from './testing/ledger-script.ts';

describe('the ledger', () => {
  test.each(LEDGER_CASES)('$name', ({ run, numbers, missing, laggards, unheard }) => {
    const script = new LedgerScript();
    run(script);
    const rollout = script.rollout('p', 2, unheard ?? []);
    expect(script.numbers('p', 2, unheard ?? [])).toBe(numbers);
    if (missing !== undefined) expect(rollout.missing).toBe(missing);
    if (laggards !== undefined) expect(rollout.laggards.map((one) => `${one.pod}: ${one.reason}`)).toEqual(laggards);
  });

  test('where Service addresses are rewritten before the proxy sees them, a caller is not under the policy, a callee is', () => {
    const script = new LedgerScript();
    script.enter('caller').isBypassed = true;
    script.settle('caller', 'pod/10.1.0.7', 'p@2');
    script.enter('callee').isBypassed = true;
    script.settle('callee', WORKLOAD_KEY, 'p@2');
    const { selected, inForce, rejected, missing, laggards } = script.rollout('p', 2, [], true);
    expect({ selected, inForce, rejected, missing }).toEqual({ selected: 2, inForce: 1, rejected: 1, missing: 1 });
    expect(laggards).toEqual([{ pod: 'shop/caller', reason: expect.stringContaining('socketLB.hostNamespaceOnly') }]);
    // Of a policy that is not about calls, nothing changes.
    expect(script.rollout('p', 2)).toMatchObject({ inForce: 2, rejected: 0 });
  });

  test('says when time alone changes it', () => {
    const script = new LedgerScript();
    atOne(script);
    script.now = 100;
    script.send('a', KEY, 'p@2');
    expect(script.rollout('p', 2).nextChangeAt).toBe(5_100);
  });

  test('names five laggards, the worst first', () => {
    const script = new LedgerScript();
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) {
      atOne(script, name);
      script.send(name, KEY, 'p@2');
    }
    script.nack('g', KEY, 2, 'bad');
    script.now = 12_000;
    script.heard('b');
    const names = script.rollout('p', 2).laggards.map((one) => one.pod);
    expect(names).toEqual(['shop/g', 'shop/a', 'shop/c', 'shop/d', 'shop/e']);
  });

  test('an acknowledgement without a report keeps what it must remember bounded', () => {
    const script = new LedgerScript();
    atOne(script);
    let seq = 0;
    for (let generation = 2; generation < 200; generation++) {
      seq = script.send('a', KEY, `p@${generation}`);
      script.ack('a', KEY, seq);
    }
    expect(script.ledger.record('a')?.entries.get(KEY)?.sent.length).toBeLessThanOrEqual(8);
    expect(script.rollout('p', 199).inForce).toBe(0);
    script.report('a', seq);
    expect(script.rollout('p', 199).inForce).toBe(1);
  });

  test('forgets everything of a proxy that left', () => {
    const script = new LedgerScript();
    atOne(script);
    script.ledger.leave('a');
    expect(script.ledger.size).toBe(0);
    expect(script.numbers('p', 1)).toBe('0 0 0 0 0 0 0');
  });
});
