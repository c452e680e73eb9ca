/** `npm run demo`: a real Kubernetes, the mesh, four services, and what the mesh did, in numbers read from the running system. */
import { dirname } from 'node:path';
import { createProgress, kubectlPath, load, up } from '../cluster/cluster.ts';
import { appImage, buildAppImages, DEMO_APPS } from '../images/apps.ts';
import { installHeddle, repositoryPath } from '../mesh/install.ts';
import { createKubectl } from '../mesh/kubectl.ts';
import { testerThroughKubectl } from '../mesh/tester.ts';
import { markInstalled, mayInstall } from './borrowed.ts';
import { orExplain } from './ending.ts';
import { flagsOf, readFlags } from './options.ts';
import { report } from './report.ts';
import { deployShop, drive } from './shop.ts';

const cluster = readFlags('demo', 'Brings up a cluster with Heddle and four services, and reports what the mesh does.');
const progress = createProgress();
const remove = `npm run demo:down${flagsOf(cluster)}`;

async function demo(begun: () => void): Promise<void> {
  await up({ ...cluster, progress });
  begun();
  const kubectl = await createKubectl(cluster);
  if (cluster.kind !== 'current') await installHeddle(kubectl, { cluster, progress });
  else if (await mayInstall(kubectl, progress)) {
    await installHeddle(kubectl, { cluster, progress, beforeApply: () => markInstalled(kubectl) });
  }
  const images = cluster.kind === 'current' ? DEMO_APPS.map(appImage) : await buildAppImages(DEMO_APPS, progress);
  await load(images, { ...cluster, progress });
  const shopper = await deployShop(kubectl, repositoryPath('hack', 'demo', 'manifests'), progress);
  const program = await kubectlPath({ ...cluster, progress });
  const tester = await testerThroughKubectl(kubectl, program, 'shop', shopper);
  try {
    const findings = await drive(kubectl, tester, progress);
    process.stdout.write(
      report(findings, {
        environment:
          cluster.kind === 'own'
            ? `export KUBECONFIG=${kubectl.kubeconfig} PATH=$PATH:${dirname(program)}`
            : `export KUBECONFIG=${kubectl.kubeconfig}`,
        remove,
      }),
    );
  } finally {
    tester.close();
  }
}

await orExplain(demo, `npm run demo${flagsOf(cluster)} again goes on from here; ${remove} removes what is there.`);
