/** How a micro-benchmark measures: medians of rounds, CPU time of this process with collection of garbage, so that other load on the machine does not count. */

const ROUNDS = 5;
/** Few enough calls that no collection happens in between. */
const COUNTED = 500;

function cpuNs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1_000;
}

const gc = globalThis.gc;
if (gc === undefined) console.log('(without --expose-gc: bytes are not measured)');

/** Prints ns and bytes of one call of `run`. */
export function measure(name: string, runs: number, run: () => void): void {
  for (let count = 0; count < runs / 5; count++) run();
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const begin = cpuNs();
    for (let count = 0; count < runs; count++) run();
    times.push((cpuNs() - begin) / runs);
  }
  print(name, times, run);
}

function print(name: string, times: readonly number[], run: () => void): void {
  const median = times.toSorted((a, b) => a - b)[times.length >> 1] ?? 0;
  console.log(`${name.padEnd(52)} ${`${Math.round(median)} ns`.padStart(9)}  ${allocated(run)}`);
}

function allocated(run: () => void): string {
  if (gc === undefined) return '';
  gc();
  const before = process.memoryUsage().heapUsed;
  for (let count = 0; count < COUNTED; count++) run();
  return `${Math.round((process.memoryUsage().heapUsed - before) / COUNTED)} bytes`;
}
