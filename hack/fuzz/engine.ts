import process from 'node:process';
import { runInNewContext } from 'node:vm';
import type { Random } from '../../proxy/base/clock.ts';
import { mutate } from './mutate.ts';
import type { Target } from './target.ts';

export interface FuzzOptions {
  readonly runs: number;
  readonly random: Random;
  /** Inputs of earlier runs. */
  readonly corpus?: readonly Buffer[];
  /** One input, 4 KiB at most, that takes longer hangs; default 1,000 ms. */
  readonly hangMs?: number;
}

export interface Fault {
  /** Made as small as it goes. */
  readonly input: Buffer;
  readonly error: unknown;
}

export interface FuzzResult {
  readonly runs: number;
  /** Different outcomes that were seen. */
  readonly signatures: number;
  /** Inputs that showed a new outcome, seeds not counted. */
  readonly found: readonly Buffer[];
  /** The longest that one input took, ms of wall clock: other programs of the machine are in it. */
  readonly slowestMs: number;
  /** The first fault; the run ends with it. */
  readonly fault: Fault | undefined;
}

const HANG_MS = 1_000;
/** Share of that time that must be our own CPU: else other programs took it. */
const OWN_SHARE = 0.8;
/** Of `node:vm`. Not by class: jest has its own. */
const TIMED_OUT = 'ERR_SCRIPT_EXECUTION_TIMEOUT';
/** Inputs tried under one watch: a watch costs a thread. */
const BATCH = 200;
/** Most outcomes that are kept to be mutated further. */
const MOST_POOL = 2_000;

/** Mutates inputs that showed something new, until the runs are used up or a fault is found. The same seed gives the same run. */
export async function fuzz(target: Target, options: FuzzOptions): Promise<FuzzResult> {
  const start = [...target.seeds, ...(options.corpus ?? [])];
  const pool = [...start];
  const found: Buffer[] = [];
  const signatures = new Set<string>();
  let runs = 0;
  const hangMs = options.hangMs ?? HANG_MS;
  let slowestMs = 0;
  let current: Buffer = Buffer.alloc(0);
  const one = (): void => {
    const first = start[runs];
    const from = pool[Math.floor(options.random() * pool.length)] ?? current;
    current = first ?? mutate(from, pool, target.dictionary, options.random);
    runs++;
    const began = performance.now();
    const signature = target.check(current);
    slowestMs = Math.max(slowestMs, performance.now() - began);
    if (signatures.has(signature) || signatures.size >= MOST_POOL) return;
    signatures.add(signature);
    if (first !== undefined) return;
    pool.push(current);
    found.push(current);
  };
  const total = Math.max(options.runs, start.length);
  const batch = (): void => {
    for (let count = 0; count < BATCH && runs < total; count++) one();
  };
  const result = (fault: Fault | undefined): FuzzResult => ({
    runs,
    signatures: signatures.size,
    found,
    slowestMs,
    fault,
  });
  while (runs < total) {
    // The contexts of past watches are given back in turns of the event loop only: a million runs without one took 6 GB.
    await new Promise((resolve) => setImmediate(resolve));
    const error = watched(batch, hangMs);
    if (error === undefined || (isTimeout(error) && !hangs(target, current, hangMs))) continue;
    return result(shrink(target, current, error, hangMs));
  }
  return result(undefined);
}

/** Runs synchronous code under a watch that ends even an endless loop. Answers the error. */
function watched(run: () => void, timeout: number): unknown {
  try {
    runInNewContext('run()', { run }, { timeout });
    return undefined;
  } catch (error) {
    return error ?? new Error('thrown: undefined');
  }
}

function isTimeout(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === TIMED_OUT;
}

/** A batch took as long: does this input alone? Asked again while another program had the CPU. */
function hangs(target: Target, input: Buffer, hangMs: number): boolean {
  for (;;) {
    const before = process.cpuUsage();
    if (watched(() => void target.check(input), hangMs) === undefined) return false;
    const { user, system } = process.cpuUsage(before);
    if ((user + system) / 1_000 > OWN_SHARE * hangMs) return true;
  }
}

/** Takes away pieces, halves first, as long as a fault remains. */
function shrink(target: Target, input: Buffer, error: unknown, hangMs: number): Fault {
  let best: Fault = { input, error };
  for (let size = Math.ceil(input.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at + size <= best.input.length; ) {
      const smaller = Buffer.concat([best.input.subarray(0, at), best.input.subarray(at + size)]);
      const still = watched(() => void target.check(smaller), hangMs);
      if (still === undefined) at += size;
      else best = { input: smaller, error: still };
    }
  }
  return best;
}
