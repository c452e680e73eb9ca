import { beforeEach, describe, expect, test } from '@jest/globals';
import type { PolicyStatus } from '../../crds/gen/types.ts';
import { FakeClock } from '../../proxy/base/testing/fake-clock.ts';
import type { StatusClient, Subject } from './status-client.ts';
import { StatusWriter } from './writer.ts';

const SUBJECT: Subject = { kind: 'MeshPolicy', namespace: 'shop', name: 'payment', uid: 'u1' };

function status(inForce: 'True' | 'False', summary: string): PolicyStatus {
  const lastTransitionTime = '2026-01-01T00:00:00Z';
  const reason = inForce === 'True' ? 'InForce' : 'Pending';
  return {
    observedGeneration: 1,
    summary,
    conditions: [{ type: 'InForce', status: inForce, reason, message: summary, lastTransitionTime }],
  };
}

let clock: FakeClock;
let live: PolicyStatus | undefined;
let applied: PolicyStatus[];
let told: string[];
let leads: boolean;
let answer: () => Promise<'written' | 'gone'>;
let writer: StatusWriter;

beforeEach(() => {
  clock = new FakeClock();
  live = undefined;
  applied = [];
  told = [];
  leads = true;
  answer = () => Promise.resolve('written');
  const client: StatusClient = {
    read: () => Promise.resolve(live),
    apply: async (_subject, one) => {
      const result = await answer();
      if (result === 'written') applied.push(one);
      return result;
    },
  };
  const tell = (_subject: Subject, event: { reason: string }): void => void told.push(event.reason);
  writer = new StatusWriter({ client, clock, isLeader: () => leads, tell });
});

async function offer(one: PolicyStatus, generation = 1): Promise<string> {
  await writer.load(SUBJECT, generation);
  const offered = await writer.offer(SUBJECT, one);
  return offered.kind === 'later' ? `later ${offered.ms}` : offered.kind;
}

describe('the status writer', () => {
  test('True at once, and its event', async () => {
    expect(await offer(status('True', '3/3'))).toBe('written');
    expect(told).toEqual(['InForce']);
  });

  test('anything else waits a moment for better news', async () => {
    expect(await offer(status('False', '1/3'))).toBe('later 150');
    clock.advance(150);
    expect(await offer(status('False', '2/3'))).toBe('written');
    expect(await offer(status('False', '2/3'))).toBe('equal');
    expect(await offer(status('True', '3/3'))).toBe('written');
    expect(applied.map((one) => one.summary)).toEqual(['2/3', '3/3']);
  });

  test('after a restart an equal status is not written again', async () => {
    live = status('True', '3/3');
    expect(await offer(status('True', '3/3'))).toBe('equal');
    expect(told).toEqual([]);
  });

  test('nothing without the lead', async () => {
    leads = false;
    expect(await offer(status('True', '3/3'))).toBe('notLeader');
    expect(applied).toEqual([]);
  });

  test('an object that went, or another one of its name, is forgotten', async () => {
    answer = () => Promise.resolve('gone');
    expect(await offer(status('True', '3/3'))).toBe('gone');
    answer = () => Promise.resolve('written');
    expect(await offer(status('True', '3/3'))).toBe('written');
    live = undefined;
    const other = { ...SUBJECT, uid: 'u2' };
    expect(await writer.load(other, 1)).toBeUndefined();
    expect((await writer.offer(other, status('True', '3/3'))).kind).toBe('written');
  });

  test('a failed write is not taken for a written one', async () => {
    answer = () => Promise.reject(new Error('no route'));
    await expect(offer(status('True', '3/3'))).rejects.toThrow('no route');
    answer = () => Promise.resolve('written');
    expect(await offer(status('True', '3/3'))).toBe('written');
    expect(told).toEqual(['InForce']);
  });
});
