import { createProgress, load, up } from '../hack/cluster/cluster.ts';
import { buildAppImages } from '../hack/images/apps.ts';
import { installHeddle, repositoryPath } from '../hack/mesh/install.ts';
import { createKubectl } from '../hack/mesh/kubectl.ts';
import { CLUSTER } from './harness/mesh.ts';

/** Brings the suites' cluster up with the mesh in it, once for all suites. */
export default async function setup(): Promise<void> {
  const progress = createProgress();
  const cluster = { name: CLUSTER };
  await up({ ...cluster, progress });
  const kubectl = await createKubectl(cluster);
  await installHeddle(kubectl, { cluster, progress, overlay: repositoryPath('config', 'overlays', 'e2e') });
  await load(await buildAppImages(['tester'], progress), { ...cluster, progress });
}
