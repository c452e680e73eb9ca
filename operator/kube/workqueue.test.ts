import { describe, expect, test } from '@jest/globals';
import { silentLog } from '../../proxy/base/log.ts';
import { FakeClock, settle } from '../../proxy/base/testing/fake-clock.ts';
import { createController, type Outcome } from './controller.ts';
import { KubeError } from './kube-error.ts';
import { createWorkQueue } from './workqueue.ts';

const half = (): number => 0.5;

function gate() {
  const running: { key: string; open: () => void }[] = [];
  const work = (key: string): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    running.push({ key, open: resolve });
    return promise;
  };
  return { running, work };
}

describe('work queue', () => {
  test('a key waits once, never runs twice at a time, and runs again when added meanwhile', async () => {
    const { running, work } = gate();
    const queue = createWorkQueue({ clock: new FakeClock(), random: half, work, concurrency: 2 });
    for (const key of ['a', 'a', 'b', 'c', 'c']) queue.add(key);
    await settle();
    expect(running.map((one) => one.key)).toEqual(['a', 'b']);
    queue.add('a');
    queue.add('a');
    running[1]?.open();
    await settle();
    expect(running.map((one) => one.key)).toEqual(['a', 'b', 'c']);
    running[0]?.open();
    await settle();
    expect(running.map((one) => one.key)).toEqual(['a', 'b', 'c', 'a']);
    running[2]?.open();
    running[3]?.open();
    await settle();
    expect(queue.depth).toBe(0);
  });

  test('the earlier of two delays wins', async () => {
    const clock = new FakeClock();
    const done: number[] = [];
    const queue = createWorkQueue({
      clock,
      random: half,
      work: async () => void done.push(clock.now()),
      concurrency: 1,
    });
    queue.addAfter('a', 100);
    queue.addAfter('a', 30);
    queue.addAfter('a', 50);
    await clock.advanceSettling(200, 10);
    expect(done).toEqual([30]);
  });

  test('rate limited: doubled each time up to the bound, from the start after forget', async () => {
    const clock = new FakeClock();
    const times: number[] = [];
    const backoff = { base: 100, max: 400 };
    const queue = createWorkQueue({
      clock,
      random: half,
      work: async () => void times.push(clock.now()),
      concurrency: 1,
      backoff,
    });
    const waits: number[] = [];
    for (let round = 0; round < 5; round++) {
      if (round === 4) queue.forget('a');
      const from = clock.now();
      queue.addRateLimited('a');
      await clock.advanceSettling(400, 2.5);
      waits.push((times.at(-1) ?? 0) - from);
    }
    expect(waits).toEqual([62.5, 125, 250, 250, 62.5]);
  });

  test('stop ends timers and waits for what runs', async () => {
    const clock = new FakeClock();
    const { running, work } = gate();
    const queue = createWorkQueue({ clock, random: half, work, concurrency: 1 });
    queue.add('a');
    queue.add('b');
    queue.addAfter('c', 10);
    await settle();
    let stopped = false;
    const stopping = queue.stop().then(() => {
      stopped = true;
    });
    await settle();
    expect(stopped).toBe(false);
    running[0]?.open();
    await stopping;
    expect(running).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });
});

describe('controller', () => {
  test('each outcome leads where it says, and throwing is a retry', async () => {
    const clock = new FakeClock();
    const seen: string[] = [];
    const script: Record<string, (Outcome | Error)[]> = {
      done: [{ kind: 'done' }],
      later: [{ kind: 'requeue', afterMs: 500 }, { kind: 'done' }],
      thrown: [new Error('no'), { kind: 'retry', error: 'still no' }, { kind: 'done' }],
      dropped: [{ kind: 'dropped', reason: 'hopeless' }],
    };
    const controller = createController({
      name: 'test',
      clock,
      random: half,
      log: silentLog,
      backoff: { base: 40, max: 1_000 },
      onOutcome: (_, outcome) => seen.push(outcome),
      async reconcile(key) {
        const next = script[key]?.shift();
        if (next === undefined) throw new Error(`${key} ran too often`);
        if (next instanceof Error) throw next;
        return next;
      },
    });
    for (const key of Object.keys(script)) controller.enqueue(key);
    await settle();
    expect(seen).toEqual([]);
    controller.start();
    await settle();
    expect([...seen].sort()).toEqual(['done', 'dropped', 'requeue', 'retry']);
    await clock.advanceSettling(2_000, 5);
    expect([...seen].sort()).toEqual(['done', 'done', 'done', 'dropped', 'requeue', 'retry', 'retry']);
    expect(controller.depth).toBe(0);
    await controller.stop();
  });

  test('an API server that asks for patience has it', async () => {
    const clock = new FakeClock();
    const times: number[] = [];
    const controller = createController({
      name: 'test',
      clock,
      random: half,
      log: silentLog,
      async reconcile() {
        times.push(clock.now());
        if (times.length < 3) throw new KubeError('slow down', { status: 429, retryAfterSeconds: 5 });
        return { kind: 'done' };
      },
    });
    controller.enqueue('a');
    controller.start();
    await settle();
    await clock.advanceSettling(12_000, 1_000);
    expect(times).toEqual([0, 5_000, 10_000]);
    await controller.stop();
  });
});
