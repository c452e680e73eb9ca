import { describe, expect, test } from '@jest/globals';
import { FakeClock, settle } from '../base/testing/fake-clock.ts';
import { ScriptedTransport } from '../base/testing/scripted-transport.ts';
import { type TunnelOptions, type TunnelResult, tunnel } from './tunnel.ts';

function pair(options: Partial<TunnelOptions> = {}): {
  clock: FakeClock;
  left: ScriptedTransport;
  right: ScriptedTransport;
  results: TunnelResult[];
} {
  const clock = new FakeClock();
  const left = new ScriptedTransport();
  const right = new ScriptedTransport('10.0.0.3');
  const results: TunnelResult[] = [];
  tunnel(left, right, { clock, idleMs: 0, onClose: (result) => void results.push(result), ...options });
  return { clock, left, right, results };
}

describe('tunnel', () => {
  test('bytes both ways, counted; the read buffer may be reused at once', async () => {
    const { left, right, results } = pair({ first: Buffer.from('hello ') });
    left.deliver('world');
    right.deliver('welcome');
    expect([right.text, left.text]).toEqual(['hello world', 'welcome']);
    left.deliverClose();
    await settle();
    expect(results).toEqual([{ sent: 11, received: 7, idle: false, error: undefined }]);
  });

  test('half-close each way, each on its own', () => {
    const { left, right } = pair();
    left.deliverEnd();
    expect([right.ended, left.ended]).toEqual([true, false]);
    right.deliver('late answer');
    expect(left.text).toBe('late answer');
    right.deliverEnd();
    expect(left.ended).toBe(true);
  });

  test('a slow side pauses the other', () => {
    const { left, right } = pair();
    right.accepts = false;
    left.deliver('x');
    expect([left.paused, right.paused]).toEqual([true, false]);
    right.drain();
    expect(left.paused).toBe(false);
  });

  test('after both ends said FIN, the side that closes first does not cut what is still on its way to the other', async () => {
    const { clock, left, right, results } = pair();
    right.accepts = false;
    left.deliver('the end of a large answer');
    left.deliverEnd();
    right.deliverEnd();
    left.deliverClose();
    await settle();
    expect(right.destroyed).toBe(false);
    clock.advance(59_000);
    expect(right.destroyed).toBe(false);
    clock.advance(1_001);
    expect(right.destroyed).toBe(true);
    await settle();
    expect(results).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  test('an error on one side resets the other', async () => {
    const { left, right, results } = pair();
    left.deliverClose(new Error('ECONNRESET'));
    expect([right.destroyed, right.reset]).toEqual([true, true]);
    await settle();
    expect(results[0]?.error?.message).toBe('ECONNRESET');
  });

  test('idle: closed when nothing moved, not while something does', async () => {
    const { clock, left, right, results } = pair({ idleMs: 1_000 });
    for (let round = 0; round < 10; round++) {
      clock.advance(700);
      (round % 2 === 0 ? left : right).deliver('x');
    }
    expect(left.destroyed).toBe(false);
    clock.advance(1_300);
    await settle();
    expect([left.destroyed, right.destroyed]).toEqual([true, true]);
    expect(results).toMatchObject([{ idle: true }]);
    expect(clock.pending).toBe(0);
  });

  test('left had ended before: the FIN follows the first bytes', () => {
    const { right } = pair({ first: Buffer.from('all'), leftEnded: true });
    expect([right.text, right.ended]).toEqual(['all', true]);
  });
});
