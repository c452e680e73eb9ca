import type { Clock, Timer } from './clock.ts';

/** Lists beyond this many are not made: lengths come from configuration, and few are in force at once. */
const MAX_LISTS = 64;

/**
 * Deadlines of equal length end in the order in which they began, so each length is one list with one timer of the clock: setting
 * and clearing one moves two pointers. The timer stays when its list becomes empty, and finds that when it fires.
 */
export class DeadlineLists {
  readonly #clock: Clock;
  readonly #lists = new Map<number, DeadlineList>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Like `Clock.after`, for lengths that many have in common; `run` is called with `owner`. */
  after<Owner>(ms: number, owner: Owner, run: (owner: Owner) => void): Timer {
    let list = this.#lists.get(ms);
    if (list === undefined) {
      if (this.#lists.size >= MAX_LISTS) this.#forgetEmpty();
      if (this.#lists.size >= MAX_LISTS) return this.#clock.after(ms, () => run(owner));
      list = new DeadlineList(this.#clock, ms);
      this.#lists.set(ms, list);
    }
    const entry = new Entry(list, this.#clock.now() + ms, owner, run);
    list.append(entry as Entry<unknown>);
    return entry;
  }

  #forgetEmpty(): void {
    for (const [ms, list] of this.#lists) if (list.empty) this.#lists.delete(ms);
  }
}

class Entry<Owner> implements Timer {
  before: Entry<unknown> | undefined;
  behind: Entry<unknown> | undefined;
  readonly at: number;
  #list: DeadlineList | undefined;
  readonly #owner: Owner;
  readonly #run: (owner: Owner) => void;

  constructor(list: DeadlineList, at: number, owner: Owner, run: (owner: Owner) => void) {
    this.#list = list;
    this.at = at;
    this.#owner = owner;
    this.#run = run;
  }

  clear(): void {
    this.#list?.remove(this as Entry<unknown>);
    this.#list = undefined;
  }

  fire(): void {
    this.clear();
    this.#run(this.#owner);
  }
}

class DeadlineList {
  readonly #clock: Clock;
  readonly #ms: number;
  #first: Entry<unknown> | undefined;
  #last: Entry<unknown> | undefined;
  #armed = false;

  constructor(clock: Clock, ms: number) {
    this.#clock = clock;
    this.#ms = ms;
  }

  get empty(): boolean {
    return this.#first === undefined;
  }

  append(entry: Entry<unknown>): void {
    entry.before = this.#last;
    if (this.#last === undefined) this.#first = entry;
    else this.#last.behind = entry;
    this.#last = entry;
    if (!this.#armed) this.#arm(this.#ms);
  }

  remove(entry: Entry<unknown>): void {
    if (entry.before === undefined) this.#first = entry.behind;
    else entry.before.behind = entry.behind;
    if (entry.behind === undefined) this.#last = entry.before;
    else entry.behind.before = entry.before;
    // A cleared entry that somebody still holds keeps no other one alive.
    entry.before = undefined;
    entry.behind = undefined;
  }

  #arm(ms: number): void {
    this.#armed = true;
    this.#clock.after(ms, () => this.#fire());
  }

  #fire(): void {
    this.#armed = false;
    const now = this.#clock.now();
    for (let due = this.#first; due !== undefined && due.at <= now; due = this.#first) due.fire();
    // Somebody may have begun anew within `fire`.
    if (this.#first !== undefined && !this.#armed) this.#arm(this.#first.at - now);
  }
}
