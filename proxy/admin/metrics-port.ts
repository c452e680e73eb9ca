import type { Metrics } from '../base/metrics.ts';
import { startTextServer, type TextServer } from './text-server.ts';

/** The metrics port, on all addresses: `GET /metrics`, Prometheus text. */
export function startMetricsPort(port: number, metrics: Metrics): Promise<TextServer> {
  return startTextServer({
    name: 'metrics',
    port,
    route: (method, path) =>
      method === 'GET' && path === '/metrics'
        ? () => ({ status: 200, type: 'text/plain; version=0.0.4; charset=utf-8', body: metrics.text() })
        : undefined,
  });
}

/** Memory, CPU and start of this process, under the names that Prometheus clients use. */
export function exportProcess(metrics: Metrics, wall: () => number): void {
  const memory = metrics.gauge('process_resident_memory_bytes', 'Resident memory.').child();
  const heap = metrics.gauge('heddle_heap_used_bytes', 'JavaScript heap in use.').child();
  const cpu = metrics.counter('process_cpu_seconds_total', 'User and system CPU time.').child();
  const busy = metrics
    .gauge('heddle_event_loop_utilization', 'Part of the time that the event loop was busy, since the last scrape.')
    .child();
  metrics
    .gauge('process_start_time_seconds', 'Start of the process, seconds since 1970.')
    .child()
    .set(wall() / 1_000 - process.uptime());
  let last = performance.eventLoopUtilization();
  metrics.beforeText(() => {
    const usage = process.memoryUsage();
    memory.set(usage.rss);
    heap.set(usage.heapUsed);
    const { user, system } = process.cpuUsage();
    cpu.inc((user + system) / 1e6 - cpu.value);
    const now = performance.eventLoopUtilization();
    busy.set(performance.eventLoopUtilization(now, last).utilization);
    last = now;
  });
}
