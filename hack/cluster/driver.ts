import type { Progress } from './progress.ts';
import type { ClusterStatus } from './status.ts';

/** What every kind of cluster can do. */
export interface ClusterDriver {
  up(name: string, progress: Progress): Promise<void>;
  down(name: string, progress: Progress): Promise<void>;
  /** Image names built by `hack/images`, or paths of archives. */
  load(name: string, images: readonly string[], progress: Progress): Promise<void>;
  status(name: string): Promise<ClusterStatus>;
  kubeconfigPath(name: string): Promise<string>;
  /** Path of a kubectl that fits the cluster. */
  kubectlPath(progress: Progress): Promise<string>;
}
