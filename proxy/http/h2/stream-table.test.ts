import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { StreamTable } from './stream-table.ts';

/** Numbers that crowd a few slots, with far ones between them. */
const id = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 1_073_741_823 })).map((n) => n * 2 + 1);

test('as a Map, whatever comes and goes', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), id), { maxLength: 200 }), (steps) => {
      const table = new StreamTable<{ readonly id: number }>();
      const map = new Map<number, { readonly id: number }>();
      for (const [adds, number] of steps) {
        const stream = { id: number };
        if (!adds) {
          expect(table.delete(number)).toBe(map.delete(number));
        } else if (!map.has(number)) {
          table.add(stream);
          map.set(number, stream);
        }
        expect(table.size).toBe(map.size);
        for (const [, known] of steps) expect(table.get(known)).toBe(map.get(known));
      }
      expect(table.all()).toEqual([...map.values()].sort((a, b) => a.id - b.id));
    }),
    { numRuns: 200 },
  );
});
