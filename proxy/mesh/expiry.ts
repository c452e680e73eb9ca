import type { Clock, Timer } from '../base/clock.ts';

/** Runs `run` once when the wall clock reaches `time` (milliseconds since 1970), however the clock is set meanwhile and however far it is. */
export function atWallTime(clock: Clock, time: number, run: () => void): Timer {
  let timer = arm();
  function arm(): Timer {
    return clock.after(time - clock.wall(), () => {
      if (clock.wall() >= time) run();
      else timer = arm();
    });
  }
  return { clear: () => timer.clear() };
}
