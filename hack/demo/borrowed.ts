import { SYSTEM_NAMESPACE } from '../../proxy/contract/bootstrap.ts';
import type { Progress } from '../cluster/cluster.ts';
import { uninstallHeddle } from '../mesh/install.ts';
import { getJson, type Kubectl } from '../mesh/kubectl.ts';

/** On a cluster that is not ours: what stood there before the demo is neither changed nor removed. */

const SHOP = 'shop';
/** The namespace of the demo bears this label (manifests/shop.yaml). */
const LABEL = { name: 'app.kubernetes.io/part-of', value: 'heddle-demo' } as const;
/** On the namespace heddle-system: the demo installed Heddle, so the demo may replace and remove it. */
const MARK = { name: 'heddle.dev/installed-by', value: 'demo' } as const;

interface NamespaceBody {
  readonly metadata: {
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
}

type Owner = 'absent' | 'demo' | 'other';

/** Whether the demo is to install Heddle: not where somebody else did. Throws where the namespace shop is somebody else's. Changes nothing. */
export async function mayInstall(kubectl: Kubectl, progress: Progress): Promise<boolean> {
  if ((await ownerOfShop(kubectl)) === 'other') {
    throw new Error(
      `the namespace ${SHOP} of this cluster is not the demo's (it lacks the label ${LABEL.name}=${LABEL.value}), and the demo needs that name: ` +
        'choose another cluster, or run the demo on one of its own (npm run demo)',
    );
  }
  const owner = await ownerOfHeddle(kubectl);
  if (owner === 'other') {
    progress.say(`Heddle is installed in this cluster already (namespace ${SYSTEM_NAMESPACE}): used as it is`);
    return false;
  }
  return true;
}

/** Says on the namespace that the demo installed Heddle, before it does: what is half installed can be removed too. */
export async function markInstalled(kubectl: Kubectl): Promise<void> {
  if ((await ownerOfHeddle(kubectl)) !== 'absent') return;
  const metadata = { name: SYSTEM_NAMESPACE, annotations: { [MARK.name]: MARK.value } };
  await kubectl(['create', '-f', '-'], { input: JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata }) });
}

/** Takes away what the demo put there, and nothing else. */
export async function giveBack(kubectl: Kubectl, progress: Progress): Promise<void> {
  const shop = await ownerOfShop(kubectl);
  if (shop === 'demo') {
    await progress.step(`namespace ${SHOP} removed`, () => kubectl(['delete', 'namespace', SHOP, '--wait=true']));
  } else
    progress.say(
      shop === 'absent' ? `there is no namespace ${SHOP}` : `the namespace ${SHOP} is not the demo's: it stays`,
    );
  const heddle = await ownerOfHeddle(kubectl);
  if (heddle === 'demo') await progress.step('Heddle removed', () => uninstallHeddle(kubectl));
  else progress.say(heddle === 'absent' ? 'Heddle is not installed' : 'Heddle was there before the demo: it stays');
}

async function ownerOfShop(kubectl: Kubectl): Promise<Owner> {
  const found = await getJson<NamespaceBody>(kubectl, ['namespace', SHOP]);
  if (found === undefined) return 'absent';
  return found.metadata.labels?.[LABEL.name] === LABEL.value ? 'demo' : 'other';
}

async function ownerOfHeddle(kubectl: Kubectl): Promise<Owner> {
  const found = await getJson<NamespaceBody>(kubectl, ['namespace', SYSTEM_NAMESPACE]);
  if (found === undefined) return 'absent';
  return found.metadata.annotations?.[MARK.name] === MARK.value ? 'demo' : 'other';
}
