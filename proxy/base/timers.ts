import type { Clock, Timer } from './clock.ts';

/**
 * Coarse timers: one clock timer a tick for any number of entries, because most timeouts (head, idle, per try) are set and cleared
 * without ever firing. An entry fires at its time or up to one tick later, never before.
 */
export interface TimerWheel {
  /** Like `Clock.after`, but rounded up to the next tick. Setting and clearing cost a `Set` operation. */
  after(ms: number, run: () => void): Timer;
  /** Entries pending. */
  readonly size: number;
}

export interface TimerWheelOptions {
  readonly clock: Clock;
  /** Default 50 ms. */
  readonly tickMs?: number;
}

interface Entry {
  readonly run: () => void;
}

export function createTimerWheel(options: TimerWheelOptions): TimerWheel {
  const { clock } = options;
  const tickMs = options.tickMs ?? 50;
  /** Tick number (time divided by tick length, rounded up) to its entries. */
  const slots = new Map<number, Set<Entry>>();
  let size = 0;
  let done = Math.floor(clock.now() / tickMs);
  let ticking = false;

  const tick = (): void => {
    ticking = false;
    const now = Math.floor(clock.now() / tickMs);
    // A long pause of the process: walk the slots that exist, not the ticks that passed.
    const due =
      now - done > slots.size ? [...slots.keys()].filter((slot) => slot <= now).sort((a, b) => a - b) : undefined;
    if (due === undefined) for (let slot = done + 1; slot <= now; slot++) fire(slot);
    else for (const slot of due) fire(slot);
    done = now;
    arm();
  };
  const fire = (slot: number): void => {
    const entries = slots.get(slot);
    if (entries === undefined) return;
    slots.delete(slot);
    for (const entry of entries) {
      // An entry may clear a later one of the same tick.
      if (!entries.delete(entry)) continue;
      size--;
      entry.run();
    }
  };
  const arm = (): void => {
    if (ticking || size === 0) return;
    ticking = true;
    clock.after((Math.floor(clock.now() / tickMs) + 1) * tickMs - clock.now(), tick);
  };

  return {
    get size() {
      return size;
    },
    after(ms, run) {
      if (size === 0) done = Math.floor(clock.now() / tickMs);
      const slot = Math.max(done + 1, Math.ceil((clock.now() + ms) / tickMs));
      const entry: Entry = { run };
      let entries = slots.get(slot);
      if (entries === undefined) {
        entries = new Set();
        slots.set(slot, entries);
      }
      entries.add(entry);
      size++;
      arm();
      return {
        clear() {
          if (!entries.delete(entry)) return;
          size--;
          if (entries.size === 0 && slots.get(slot) === entries) slots.delete(slot);
        },
      };
    },
  };
}
