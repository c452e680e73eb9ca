export interface H2loadOptions {
  readonly program: string;
  readonly connections: number;
  /** At once on each connection. */
  readonly streams: number;
  readonly seconds: number;
  /** File with the request's body. */
  readonly body: string;
  readonly authority: string;
  readonly url: string;
}

export function h2loadCommand(options: H2loadOptions): readonly string[] {
  const { program, connections, streams, seconds, body, authority, url } = options;
  return [
    program,
    ...['-t', '1', '-c', String(connections), '-m', String(streams), '-D', String(Math.max(1, Math.round(seconds)))],
    ...[
      '-d',
      body,
      '-H',
      'content-type: application/grpc',
      '-H',
      'te: trailers',
      '-H',
      `:authority: ${authority}`,
      url,
    ],
  ];
}

/** Reads the summary of h2load; failed, errored, timed out and not 2xx are errors. */
export function parseH2load(output: string): { requests: number; errors: number; seconds: number } {
  const finished = /^finished in ([\d.]+)(us|ms|s|m)[\s,]/m.exec(output);
  const counts = /^requests: .* (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout$/m.exec(output);
  if (finished === null || counts === null) throw new Error(`h2load gave no result:\n${output.slice(-400)}`);
  const unit = { us: 1e-6, ms: 1e-3, s: 1, m: 60 }[finished[2] as 'us' | 'ms' | 's' | 'm'];
  const [, , succeeded = 0, failed = 0, errored = 0, timeout = 0] = counts.map(Number);
  // Streams that were under way when the time was over count neither as done nor as wrong.
  return { requests: succeeded, errors: failed + errored + timeout, seconds: Number(finished[1]) * unit };
}
