import process from 'node:process';
import { down } from '../hack/cluster/cluster.ts';
import { CLUSTER } from './harness/mesh.ts';

/** Removes the suites' cluster, unless HEDDLE_E2E_KEEP says to leave it for a look. */
export default async function teardown(): Promise<void> {
  if (process.env['HEDDLE_E2E_KEEP'] === undefined) await down({ name: CLUSTER });
}
