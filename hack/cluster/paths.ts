import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where everything that outlives a checkout is kept. Absolute paths. */
export interface Homes {
  /** What can be built again: Go programs, base images, image blobs. `HEDDLE_CACHE`, default `~/.cache/heddle`. */
  readonly cache: string;
  /** What a running cluster needs: one folder a cluster, and the reserved subnets. `HEDDLE_STATE`, default `/var/lib/heddle`. */
  readonly state: string;
}

/** Reads the two homes from the environment. Both are made absolute by the caller's environment: a relative one is refused. */
export function homes(env: Readonly<Record<string, string | undefined>> = process.env): Homes {
  return {
    cache: absolute('HEDDLE_CACHE', env['HEDDLE_CACHE'] ?? join(homedir(), '.cache', 'heddle')),
    state: absolute('HEDDLE_STATE', env['HEDDLE_STATE'] ?? '/var/lib/heddle'),
  };
}

function absolute(variable: string, path: string): string {
  if (!path.startsWith('/') || path === '/')
    throw new Error(`${variable} must be an absolute path below /, not ${JSON.stringify(path)}`);
  return path.replace(/\/+$/, '');
}
