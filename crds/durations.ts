/** Durations as users write them: Gateway API's GEP-2257, `^([0-9]{1,5}(h|m|s|ms)){1,4}$`, such as `10s`, `250ms`, `1m30s`. */

const WHOLE = /^(?:[0-9]{1,5}(?:h|m|s|ms)){1,4}$/;
const PART = /([0-9]{1,5})(h|ms|m|s)/g;
const MILLISECONDS = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;
const UNITS = ['h', 'm', 's', 'ms'] as const;

/** Whole milliseconds, or undefined where the text is no duration. */
export function parseDuration(text: string): number | undefined {
  if (!WHOLE.test(text)) return undefined;
  let total = 0;
  for (const [, digits, unit] of text.matchAll(PART))
    total += Number(digits) * MILLISECONDS[unit as (typeof UNITS)[number]];
  return total;
}

/** The shortest text for a whole number of milliseconds, 0 or more, below 100,000 hours: `1m30s`, `0s`. */
export function formatDuration(milliseconds: number): string {
  if (!Number.isSafeInteger(milliseconds) || milliseconds < 0 || milliseconds >= 100_000 * MILLISECONDS.h) {
    throw new RangeError(`${milliseconds} ms cannot be written as a duration`);
  }
  let rest = milliseconds;
  let text = '';
  for (const unit of UNITS) {
    const count = Math.floor(rest / MILLISECONDS[unit]);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * MILLISECONDS[unit];
  }
  return text === '' ? '0s' : text;
}
