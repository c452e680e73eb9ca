import type { Random } from '../../proxy/base/clock.ts';

/** Inputs never grow beyond this. */
const MOST_BYTES = 4_096;

/** One to four random changes of an input. `pool`: other inputs to splice with. */
export function mutate(input: Buffer, pool: readonly Buffer[], dictionary: readonly Buffer[], random: Random): Buffer {
  let result = input;
  const changes = 1 + below(4, random);
  for (let count = 0; count < changes; count++) result = change(result, pool, dictionary, random);
  return result.subarray(0, MOST_BYTES);
}

function change(input: Buffer, pool: readonly Buffer[], dictionary: readonly Buffer[], random: Random): Buffer {
  const at = below(input.length + 1, random);
  const length = 1 + below(Math.min(16, Math.max(1, input.length - at)), random);
  const before = input.subarray(0, at);
  switch (below(8, random)) {
    case 0:
      return join(before, Buffer.from([below(256, random)]), input.subarray(at + 1));
    case 1:
      return join(before, Buffer.from([(input[at] ?? 0) ^ (1 << below(8, random))]), input.subarray(at + 1));
    case 2:
      return join(before, input.subarray(at + length));
    case 3:
      return join(before, input.subarray(at, at + length), input.subarray(at));
    case 4:
      return join(before, pick(dictionary, random), input.subarray(at));
    case 5:
      return join(before, pick(dictionary, random), input.subarray(at + length));
    case 6:
      return join(before, tailOf(pick(pool, random), random));
    default:
      return join(before, Buffer.alloc(1 + below(80, random), 32 + below(95, random)), input.subarray(at));
  }
}

function tailOf(other: Buffer, random: Random): Buffer {
  return other.subarray(below(other.length + 1, random));
}

function pick(list: readonly Buffer[], random: Random): Buffer {
  return list[below(list.length, random)] ?? Buffer.alloc(0);
}

function join(...parts: Buffer[]): Buffer {
  return Buffer.concat(parts);
}

function below(bound: number, random: Random): number {
  return Math.floor(random() * bound);
}
