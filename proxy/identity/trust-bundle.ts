import { readFile } from 'node:fs/promises';
import type { Clock, Timer } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { Cell, type Watch } from '../base/watch.ts';
import { readCertificates } from './issued.ts';

export interface TrustBundleOptions {
  /** The mounted file of the ConfigMap. */
  readonly file: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Tests inject. */
  readonly read?: (file: string) => Promise<string>;
}

export interface TrustBundle {
  /** PEM; undefined until the file is there and holds a certificate. */
  readonly roots: Watch<string | undefined>;
  /** Reads at once; resolves after the first look. */
  start(): Promise<void>;
  stop(): void;
}

const MISSING_POLL_MS = 500;
const POLL_MS = 5_000;
const MAX_BYTES = 1_048_576;

/**
 * Follows the mounted trust bundle. By reading it again: the kubelet replaces a ConfigMap by swapping a symlink of the directory above,
 * which `fs.watch` on the file does not see, and five seconds are nothing beside the kubelet's own minute.
 * A file that vanishes or holds no certificate changes nothing: absence is never a change of trust.
 */
export function createTrustBundle(options: TrustBundleOptions): TrustBundle {
  const roots = new Cell<string | undefined>(undefined);
  const read = options.read ?? ((file: string) => readFile(file, 'utf8'));
  let timer: Timer | undefined;
  let stopped = false;
  let complaint = '';

  const look = async (): Promise<void> => {
    const why = await take().catch((error: unknown) => (error instanceof Error ? error.message : String(error)));
    if (stopped) return;
    if (why !== complaint && why !== '') options.log.warn('trust bundle not usable yet', { file: options.file, why });
    complaint = why;
    timer = options.clock.after(roots.value === undefined ? MISSING_POLL_MS : POLL_MS, () => void look());
  };
  const take = async (): Promise<string> => {
    const pem = await read(options.file);
    if (pem === roots.value) return '';
    if (pem.length > MAX_BYTES) return `larger than ${MAX_BYTES} bytes`;
    if (readCertificates(pem).length === 0) return 'holds no certificate';
    roots.set(pem);
    return '';
  };

  return {
    roots,
    start: look,
    stop() {
      stopped = true;
      timer?.clear();
    },
  };
}
