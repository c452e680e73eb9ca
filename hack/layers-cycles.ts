/**
 * Circles of imports. A file whose imports lead back to it can neither be read nor tested nor moved by itself, and what its values are depends on which of
 * the circle is loaded first. Imports of types count too: they are erased, but the circle is the same for who reads, and tomorrow's value import closes it.
 * What to do: move what both need into a file of its own, or let the lower one say in an interface what it needs of the upper one.
 */

/** One circle for each group of files that import each other: `[a, b, a]`, the shortest through its first file in order of names. */
export function importCycles(imports: ReadonlyMap<string, readonly string[]>): string[][] {
  return groups(imports)
    .map((group) => shortest(imports, group))
    .sort((left, right) => (left[0]! < right[0]! ? -1 : 1));
}

/** Strongly connected components that hold a circle, each sorted. Source: Tarjan, "Depth-first search and linear graph algorithms" (1972). */
function groups(imports: ReadonlyMap<string, readonly string[]>): string[][] {
  const seen = new Map<string, number>();
  const stack: string[] = [];
  const found: string[][] = [];
  const visit = (file: string): number => {
    seen.set(file, seen.size);
    let low = seen.get(file)!;
    stack.push(file);
    for (const target of imports.get(file) ?? []) {
      if (!seen.has(target)) low = Math.min(low, visit(target));
      else if (stack.includes(target)) low = Math.min(low, seen.get(target)!);
    }
    if (low === seen.get(file)) {
      const group = stack.splice(stack.lastIndexOf(file));
      if (group.length > 1 || imports.get(file)?.includes(file)) found.push(group.sort());
    }
    return low;
  };
  for (const file of imports.keys()) if (!seen.has(file)) visit(file);
  return found;
}

/** From the first file of the group back to it, breadth first. */
function shortest(imports: ReadonlyMap<string, readonly string[]>, group: readonly string[]): string[] {
  const start = group[0]!;
  const ways: string[][] = [[start]];
  const met = new Set<string>();
  for (let way = ways.shift(); way !== undefined; way = ways.shift()) {
    for (const target of imports.get(way.at(-1)!) ?? []) {
      if (target === start) return [...way, start];
      if (!group.includes(target) || met.has(target)) continue;
      met.add(target);
      ways.push([...way, target]);
    }
  }
  throw new Error(`no circle through ${start}: the group is wrong`);
}
