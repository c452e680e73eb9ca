/** What a closed-loop run of wrk came to. */
export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  /** Answers above 399 and socket errors. */
  readonly errors: number;
  /** Microseconds. */
  readonly p50: number;
  readonly p99: number;
}

/** Run once, at the end: it costs the requests nothing. */
export const WRK_SCRIPT = `done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('RESULT {"requests":%d,"microseconds":%d,"errors":%d,"p50":%d,"p99":%d}\\n',
    summary.requests, summary.duration, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50), latency:percentile(99)))
end
`;

export interface WrkOptions {
  readonly program: string;
  readonly script: string;
  readonly connections: number;
  readonly seconds: number;
  readonly host: string;
  readonly url: string;
}

export function wrkCommand(options: WrkOptions): readonly string[] {
  const { program, script, connections, seconds, host, url } = options;
  const duration = Number.isInteger(seconds) ? seconds : Math.max(1, Math.round(seconds));
  return [program, '-t1', `-c${connections}`, `-d${duration}s`, '-s', script, '-H', `Host: ${host}`, url];
}

/** Throws when wrk did not get to its end. */
export function parseWrk(output: string): LoadResult {
  const line = /^RESULT (\{.*\})$/m.exec(output)?.[1];
  if (line === undefined) throw new Error(`wrk gave no result:\n${output.slice(-400)}`);
  const { requests, microseconds, errors, p50, p99 } = JSON.parse(line) as Record<string, number>;
  return {
    requests: requests ?? 0,
    seconds: (microseconds ?? 0) / 1e6,
    errors: errors ?? 0,
    p50: p50 ?? 0,
    p99: p99 ?? 0,
  };
}
