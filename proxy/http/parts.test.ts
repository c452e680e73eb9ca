import { describe, expect, test } from '@jest/globals';
import { FakeClock, settle } from '../base/testing/fake-clock.ts';
import { ScriptedTransport } from '../base/testing/scripted-transport.ts';
import { ByteStore } from './byte-store.ts';
import { DeadlineTimer } from './deadline-timer.ts';
import { HeadEnd } from './head-end.ts';
import { DEFAULT_HTTP_LIMITS } from './limits.ts';
import { Output } from './output.ts';
import { raw } from './testing/cuts.ts';

describe('ByteStore', () => {
  test('holds what was appended, in order, and gives its memory back', () => {
    const store = new ByteStore();
    const all = raw('0123456789'.repeat(300));
    for (let at = 0; at < all.length; at += 7) {
      store.append(all, at, Math.min(at + 7, all.length));
      if (at % 21 === 0) {
        const { buffer, start } = store.view();
        expect(buffer[start]).toBe(all[all.length - (all.length - at - 7) - store.length]);
      }
    }
    store.drop(1_000);
    const { buffer, start, end } = store.view();
    expect(buffer.toString('latin1', start, end)).toBe(all.toString('latin1', 1_000));
    store.append(all, 0, 3_000);
    expect(store.length).toBe(5_000);
    store.clear();
    expect([store.length, store.view().buffer.length]).toEqual([0, 0]);
  });
});

describe('DeadlineTimer', () => {
  test('fires once, at the deadline set last, with at most one timer pending', () => {
    const clock = new FakeClock();
    const fired: number[] = [];
    const deadline = new DeadlineTimer(clock, () => void fired.push(clock.now()));
    deadline.set(100);
    for (let count = 0; count < 50; count++) {
      clock.advance(10);
      deadline.set(100);
      expect(clock.pending).toBe(1);
    }
    expect(fired).toEqual([]);
    clock.advance(100);
    expect([fired, clock.pending]).toEqual([[600], 0]);
    deadline.set(1_000);
    deadline.set(10);
    clock.advance(10);
    expect(fired).toEqual([600, 610]);
    deadline.set(10);
    deadline.clear();
    clock.advance(1_000);
    expect([fired.length, clock.pending]).toEqual([2, 0]);
    deadline.set(10);
    deadline.stop();
    expect(clock.pending).toBe(0);
  });
});

describe('Output', () => {
  const recorded = () => {
    const transport = new ScriptedTransport();
    const writes: string[] = [];
    const write = transport.write.bind(transport);
    transport.write = (chunk) => {
      writes.push(Buffer.from(chunk).toString('latin1'));
      return write(chunk);
    };
    return { transport, writes, output: new Output(transport) };
  };

  test('gathers a turn into one write, in order, copying what it is given', async () => {
    const { output, writes } = recorded();
    const shared = raw('body');
    output.text('head ');
    output.bytes(shared, 0, 4);
    shared.fill(0x2a);
    output.text(' tail');
    expect(writes).toEqual([]);
    await settle();
    expect(writes).toEqual(['head body tail']);
    await settle();
    expect(writes.length).toBe(1);
  });

  test('does not hold more than 64 KiB, and keeps order over any sizes', async () => {
    const { output, writes } = recorded();
    let expected = '';
    for (let size = 1; size < 90_000; size = size * 3 + 1) {
      const text = String(size % 10).repeat(size);
      output.text(`<${size}>`);
      output.bytes(raw(text), 0, size);
      expected += `<${size}>${text}`;
    }
    expect(writes.length).toBeGreaterThan(0);
    await settle();
    expect(writes.join('') === expected).toBe(true);
  });

  test('what was discarded is never written', async () => {
    const { output, writes } = recorded();
    output.text('a');
    output.bytes(raw('b'), 0, 1);
    output.discard();
    await settle();
    expect(writes).toEqual([]);
  });

  test('blocked follows the transport', () => {
    const { output, transport } = recorded();
    transport.accepts = false;
    output.text('a');
    output.flush();
    expect(output.blocked).toBe(true);
    output.drained();
    expect(output.blocked).toBe(false);
  });
});

describe('HeadEnd', () => {
  test('looks at each byte a bounded number of times, however the head is cut', () => {
    const head = raw(`GET / HTTP/1.1\r\n${'Name: value\r\n'.repeat(400)}\r\n`);
    let reads = 0;
    const counted = new Proxy(head, {
      get(target, key) {
        if (typeof key === 'string' && /^\d+$/.test(key)) reads++;
        const value: unknown = Reflect.get(target, key, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const finder = new HeadEnd();
    for (let end = 1; end < head.length; end++) {
      expect(finder.find(counted, 0, end, DEFAULT_HTTP_LIMITS)).toBe(-1);
    }
    expect(finder.find(counted, 0, head.length, DEFAULT_HTTP_LIMITS)).toBe(head.length);
    expect(reads).toBeLessThan(3 * head.length);
  });

  test('never finds what a buffer holds behind its end', () => {
    const finder = new HeadEnd();
    const stale = raw(`GET / HTTP/1.1\r\n\r\n${'x'.repeat(10_000)}`);
    for (const buffer of [stale, stale.subarray(0, 18)]) {
      finder.reset();
      expect(finder.find(buffer, 0, 16, DEFAULT_HTTP_LIMITS)).toBe(-1);
      expect(finder.find(buffer, 0, 18, DEFAULT_HTTP_LIMITS)).toBe(18);
    }
  });
});
