import { describe, expect, test } from '@jest/globals';
import { FakeClock, settle } from '../base/testing/fake-clock.ts';
import { seededRandom } from '../base/testing/wait.ts';
import { createRenewal, type Lifetime, type Renewal, renewalTime, retryDelay } from './renewal.ts';

const DAY = 86_400_000;

function scripted(random = () => 0.5): {
  clock: FakeClock;
  renewal: Renewal;
  events: string[];
  answers: (Lifetime | Error | 'never')[];
} {
  const clock = new FakeClock();
  const events: string[] = [];
  const answers: (Lifetime | Error | 'never')[] = [];
  const at = (): number => Math.round(clock.now());
  const renewal = createRenewal<Lifetime>({
    clock,
    random,
    request() {
      const answer = answers.shift();
      events.push(`${at()} request`);
      if (answer === 'never') return new Promise(() => {});
      return answer === undefined || answer instanceof Error
        ? Promise.reject(answer ?? new Error('no answer'))
        : Promise.resolve(answer);
    },
    onIssued: () => events.push(`${at()} issued`),
    onExpired: () => events.push(`${at()} expired`),
    onFailure: (_error, retryInMs) => events.push(`${at()} failed, again in ${Math.round(retryInMs)}`),
  });
  return { clock, renewal, events, answers };
}

const life = (clock: FakeClock, ms: number, after = 0): Lifetime => ({
  issuedAt: clock.wall() + after,
  notAfter: clock.wall() + after + ms,
});

describe('renewal', () => {
  test('renews inside 30 to 70 % of the life, spread over all of it', () => {
    const random = seededRandom(7);
    const parts = Array.from({ length: 5_000 }, () => renewalTime({ issuedAt: 0, notAfter: DAY }, random) / DAY);
    expect(Math.min(...parts)).toBeGreaterThanOrEqual(0.3);
    expect(Math.max(...parts)).toBeLessThan(0.7);
    for (let bin = 0; bin < 8; bin++) {
      const share = parts.filter((part) => part >= 0.3 + bin * 0.05 && part < 0.35 + bin * 0.05).length / parts.length;
      expect(share).toBeGreaterThan(0.1);
    }
  });

  test('first request at once, then in the middle of the life', async () => {
    const { clock, renewal, events, answers } = scripted();
    answers.push(life(clock, 10_000), life(clock, 10_000, 5_000), 'never');
    renewal.start();
    await settle();
    expect(renewal.state).toEqual({ kind: 'waiting', at: clock.wall() + 5_000, failures: 0 });
    await clock.advanceSettling(11_000, 100);
    expect(events).toEqual(['0 request', '0 issued', '5000 request', '5000 issued', '10000 request']);
    expect(renewal.state.kind).toBe('requesting');
  });

  test('without a certificate it asks again within 5 s, for ever', async () => {
    const { clock, renewal, events } = scripted(() => 0.999);
    renewal.start();
    await clock.advanceSettling(60_000, 50);
    const times = events.filter((event) => event.endsWith('request')).map((event) => Number.parseInt(event, 10));
    const gaps = times.slice(1).map((time, index) => time - times[index]!);
    expect(gaps.slice(1, 4).map((gap) => Math.round(gap / 100))).toEqual([5, 10, 20]);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(5_050);
    expect(times.length).toBeGreaterThan(12);
  });

  test('kept on failure until expiry, asked for more often towards the end, then expired and still asked for', async () => {
    const { clock, renewal, events } = scripted();
    renewal.start(life(clock, 100_000));
    await clock.advanceSettling(50_000, 500);
    expect(events[0]).toBe('50000 request');
    await clock.advanceSettling(49_500, 500);
    expect(events).not.toContain('100000 expired');
    await clock.advanceSettling(10_000, 500);
    expect(events.filter((event) => event.endsWith('expired'))).toEqual(['100000 expired']);
    const later = events.slice(events.indexOf('100000 expired')).filter((event) => event.endsWith('request'));
    expect(later.length).toBeGreaterThanOrEqual(2);
    expect(renewal.state.kind).toBe('waiting');
  });

  test('a kept certificate past its time is renewed at once, a fresh one is left alone', async () => {
    const late = scripted();
    late.answers.push(life(late.clock, 50_000));
    late.renewal.start({ issuedAt: late.clock.wall() - 90_000, notAfter: late.clock.wall() + 10_000 });
    late.clock.advance(0);
    await settle();
    expect(late.events).toEqual(['0 request', '0 issued']);
    const fresh = scripted();
    fresh.renewal.start(life(fresh.clock, 100_000));
    await fresh.clock.advanceSettling(49_000, 1_000);
    expect(fresh.events).toEqual([]);
  });

  test('stop: nothing fires any more, a late answer is ignored, no timer is left', async () => {
    const { clock, renewal, events, answers } = scripted();
    answers.push(life(clock, 10_000));
    renewal.start();
    renewal.stop();
    await settle();
    expect(events).toEqual(['0 request']);
    expect(renewal.state).toEqual({ kind: 'stopped' });
    expect(clock.pending).toBe(0);
  });

  test.each([
    [1, 0, 250],
    [10, 0, 5_000],
    [1, DAY, 1_000],
    [20, DAY, 60_000],
    [20, 80_000, 10_000],
    [20, 800, 250],
  ])('retry %i with %i ms of life left waits at most %i ms and at least half of that', (failures, left, most) => {
    expect(retryDelay(failures, left, () => 0.999_999)).toBeCloseTo(most, -1);
    expect(retryDelay(failures, left, () => 0)).toBeCloseTo(most / 2, -1);
  });
});
