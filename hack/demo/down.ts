/** `npm run demo:down`: removes all of what `npm run demo` made. On a cluster that is not ours, only what was put into it. */
import { parseArgs } from 'node:util';
import { type ClusterKind, createProgress, down } from '../cluster/cluster.ts';
import { uninstallHeddle } from '../mesh/install.ts';
import { createKubectl } from '../mesh/kubectl.ts';

const { values } = parseArgs({
  options: { name: { type: 'string', default: 'heddle' }, cluster: { type: 'string', default: 'own' } },
});
const cluster = { kind: values.cluster as ClusterKind, name: values.name };
const progress = createProgress();

if (cluster.kind === 'current') {
  const kubectl = await createKubectl(cluster);
  await progress.step('namespace shop removed', () =>
    kubectl(['delete', 'namespace', 'shop', '--ignore-not-found', '--wait=true']),
  );
  await progress.step('Heddle removed', () => uninstallHeddle(kubectl));
} else {
  await down({ ...cluster, progress });
}
