/** Does `act` to each item, `perTurn` of them before other work of the event loop comes in between; the first turn is now. Calls `done` after the last. */
export function inTurns<T>(items: readonly T[], perTurn: number, act: (item: T) => void, done: () => void): void {
  const turn = (from: number): void => {
    for (const item of items.slice(from, from + perTurn)) act(item);
    if (from + perTurn < items.length) setImmediate(turn, from + perTurn);
    else done();
  };
  turn(0);
}
