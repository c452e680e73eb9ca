/** `npm run demo`: a real Kubernetes, the mesh, four services, and what the mesh did, in numbers read from the running system. */
import { parseArgs } from 'node:util';
import { type ClusterKind, createProgress, kubectlPath, load, up } from '../cluster/cluster.ts';
import { buildAppImages } from '../images/apps.ts';
import { installHeddle, repositoryPath } from '../mesh/install.ts';
import { createKubectl } from '../mesh/kubectl.ts';
import { testerThroughKubectl } from '../mesh/tester.ts';
import { report } from './report.ts';
import { deployShop, drive } from './shop.ts';

const { values } = parseArgs({
  options: { name: { type: 'string', default: 'heddle' }, cluster: { type: 'string', default: 'own' } },
});
const cluster = { kind: values.cluster as ClusterKind, name: values.name };
const progress = createProgress();

await up({ ...cluster, progress });
const kubectl = await createKubectl(cluster);
await installHeddle(kubectl, { cluster, progress });
const images = await buildAppImages(['order', 'inventory', 'payment', 'fraud', 'tester'], progress);
await load(images, { ...cluster, progress });
const shopper = await deployShop(kubectl, repositoryPath('hack', 'demo', 'manifests'), progress);
const tester = await testerThroughKubectl(kubectl, await kubectlPath({ ...cluster, progress }), 'shop', shopper);
try {
  const findings = await drive(kubectl, tester, progress);
  process.stdout.write(report(findings, kubectl.kubeconfig));
} finally {
  tester.close();
}
