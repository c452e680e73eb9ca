import { Command, InvalidArgumentError, Option } from 'commander';
import { type ClusterKind, clusterKinds } from '../cluster/cluster.ts';
import { checkClusterName } from '../cluster/names.ts';

/** Which cluster the demo is told to use. */
export interface DemoCluster {
  readonly kind: ClusterKind;
  /** Means nothing to `current`. */
  readonly name: string;
}

/** Reads the flags of `npm run demo` and `npm run demo:down`; a wrong one ends the process with what there is. */
export function readFlags(command: string, description: string): DemoCluster {
  const { name, cluster } = new Command(command)
    .description(description)
    .option('--name <name>', 'name of the cluster', readName, 'heddle')
    .addOption(
      new Option(
        '--cluster <kind>',
        'own: made on this machine; kind: by kind, where Docker runs; current: that of the current kubeconfig',
      )
        .choices([...clusterKinds])
        .default('own'),
    )
    .allowExcessArguments(false)
    .showHelpAfterError()
    .parse()
    .opts<{ name: string; cluster: ClusterKind }>();
  return { kind: cluster, name };
}

function readName(text: string): string {
  try {
    return checkClusterName(text);
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
}

/** The flags that name the same cluster again, for commands that a person is told. */
export function flagsOf({ kind, name }: DemoCluster): string {
  const flags = [...(kind === 'own' ? [] : ['--cluster', kind]), ...(name === 'heddle' ? [] : ['--name', name])];
  return flags.length === 0 ? '' : ` -- ${flags.join(' ')}`;
}
