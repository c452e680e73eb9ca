import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createMetrics } from './metrics.ts';

describe('metrics', () => {
  test('text: types, labels escaped, histogram cumulative with +Inf, sum and count', () => {
    const metrics = createMetrics();
    metrics.counter('requests_total', 'All\nof "them".', ['code', 'reason']).child(['200', 'a"b\\c\nd']).inc(3);
    metrics.gauge('open', 'Open.').child().set(2.5);
    const durations = metrics.histogram('seconds', 'Time.', ['side'], [0.1, 1]).child(['in']);
    for (const value of [0.05, 0.1, 0.5, 7]) durations.observe(value);
    expect(metrics.text()).toBe(
      [
        '# HELP requests_total All\\nof "them".',
        '# TYPE requests_total counter',
        'requests_total{code="200",reason="a\\"b\\\\c\\nd"} 3',
        '# HELP open Open.',
        '# TYPE open gauge',
        'open 2.5',
        '# HELP seconds Time.',
        '# TYPE seconds histogram',
        'seconds_bucket{side="in",le="0.1"} 2',
        'seconds_bucket{side="in",le="1"} 3',
        'seconds_bucket{side="in",le="+Inf"} 4',
        'seconds_sum{side="in"} 7.65',
        'seconds_count{side="in"} 4',
        '# HELP heddle_metrics_overflow_total Times a metric family was full and counted under "other".',
        '# TYPE heddle_metrics_overflow_total counter',
        '',
      ].join('\n'),
    );
    expect([durations.count, durations.sum]).toEqual([4, 7.65]);
  });

  test('a full family counts under "other" and says so', () => {
    const metrics = createMetrics({ maxSeries: 3 });
    const family = metrics.counter('c_total', 'C.', ['peer', 'code']);
    for (let peer = 0; peer < 10; peer++) family.child([`p${peer}`, '200']).inc();
    expect(family.size).toBe(4);
    expect(metrics.text()).toContain('c_total{peer="other",code="other"} 7\n');
    expect(metrics.text()).toContain('heddle_metrics_overflow_total{family="c_total"} 7\n');
    expect(family.child(['p98', '200'])).toBe(family.child(['p99', '200']));
  });

  test('idle series go after ten sweeps; a handle used again counts from zero in a new place, never in that of another', () => {
    const metrics = createMetrics();
    const family = metrics.counter('c_total', 'C.', ['peer']);
    const old = family.child(['old']);
    const busy = family.child(['busy']);
    old.inc(5);
    for (let sweep = 0; sweep < 11; sweep++) {
      busy.inc();
      metrics.sweep();
    }
    expect(metrics.text()).not.toContain('old');
    const fresh = family.child(['new']);
    fresh.inc(100);
    old.inc(1);
    expect([old.value, fresh.value, busy.value]).toEqual([1, 100, 11]);
    expect(family.child(['old']).value).toBe(1);
    expect(family.size).toBe(3);
  });

  test('two handles of one series share it after an eviction', () => {
    const metrics = createMetrics({ idleSweeps: 0 });
    const family = metrics.counter('c_total', 'C.', ['peer']);
    const first = family.child(['a']);
    metrics.sweep();
    metrics.sweep();
    const second = family.child(['a']);
    first.inc();
    second.inc();
    expect([first.value, second.value]).toEqual([2, 2]);
  });

  test('gauges that are not 0 and series without labels are never evicted', () => {
    const metrics = createMetrics({ idleSweeps: 1 });
    const open = metrics.gauge('open', 'Open.', ['side']);
    open.child(['in']).inc(2);
    open.child(['out']).set(0);
    metrics.counter('plain_total', 'Plain.').child().inc();
    for (let sweep = 0; sweep < 5; sweep++) metrics.sweep();
    expect(metrics.text()).toContain('open{side="in"} 2\n');
    expect(metrics.text()).not.toContain('side="out"');
    expect(metrics.text()).toContain('plain_total 1\n');
  });

  test('wrong use is an error at once', () => {
    const metrics = createMetrics();
    const family = metrics.counter('c_total', 'C.', ['peer']);
    expect(() => metrics.counter('c_total', 'C.')).toThrow('exists already');
    expect(() => metrics.counter('c-total', 'C.')).toThrow('not a valid Prometheus name');
    expect(() => family.child([])).toThrow('has 1 labels');
  });

  test('property: any order of counts, new series and sweeps gives what a plain map gives', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('inc' as const), peer: fc.integer({ min: 0, max: 40 }) }),
      fc.constant({ kind: 'sweep' as const, peer: 0 }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const metrics = createMetrics({ maxSeries: 100, idleSweeps: 2 });
        const family = metrics.counter('c_total', 'C.', ['peer']);
        const handles = new Map<number, ReturnType<typeof family.child>>();
        const model = new Map<number, { value: number; sweep: number }>();
        let sweep = 0;
        for (const { kind, peer } of steps) {
          if (kind === 'sweep') {
            sweep++;
            metrics.sweep();
            for (const [key, one] of model) if (sweep - one.sweep > 2) model.delete(key);
            continue;
          }
          // Half of the callers keep their handle, half ask again.
          const handle =
            peer % 2 === 0 ? (handles.get(peer) ?? family.child([String(peer)])) : family.child([String(peer)]);
          handles.set(peer, handle);
          handle.inc();
          model.set(peer, { value: (model.get(peer)?.value ?? 0) + 1, sweep });
        }
        const lines = metrics.text().match(/^c_total\{.*$/gm) ?? [];
        expect(lines.sort()).toEqual([...model].map(([peer, { value }]) => `c_total{peer="${peer}"} ${value}`).sort());
      }),
      { numRuns: 300 },
    );
  });
});
