/** `npm run demo:down`: removes all of what `npm run demo` made. On a cluster that is not ours, only what was put into it. */
import { createProgress, down, up } from '../cluster/cluster.ts';
import { createKubectl } from '../mesh/kubectl.ts';
import { giveBack } from './borrowed.ts';
import { orExplain } from './ending.ts';
import { flagsOf, readFlags } from './options.ts';

const cluster = readFlags('demo:down', 'Removes what the demo made.');
const progress = createProgress();

async function removeDemo(begun: () => void): Promise<void> {
  if (cluster.kind !== 'current') return down({ ...cluster, progress });
  // Says which context it is, and that it answers, before anything is deleted there.
  await up({ ...cluster, progress });
  begun();
  await giveBack(await createKubectl(cluster), progress);
}

await orExplain(removeDemo, `Run npm run demo:down${flagsOf(cluster)} again: it goes on from here.`);
