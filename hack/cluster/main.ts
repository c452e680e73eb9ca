import { Command, Option } from 'commander';
import {
  type ClusterKind,
  type ClusterOptions,
  clusterKinds,
  down,
  kubeconfigPath,
  kubectlPath,
  load,
  status,
  up,
} from './cluster.ts';
import type { ClusterStatus } from './status.ts';

/** `npm run cluster -- <verb>`. Results go to standard output, everything else to standard error. */
const program = new Command('cluster').description('A real Kubernetes on one machine.').showHelpAfterError();

interface Flags {
  readonly name: string;
  readonly cluster: ClusterKind;
}

command('up', 'bring a cluster up (or find it up)').action((flags: Flags) => up(from(flags)));
command('down', 'remove a cluster and all it left on this machine').action((flags: Flags) => down(from(flags)));
command('load', 'give images to a cluster: names built by `npm run images`, or archive files')
  .argument('<image...>')
  .action((images: string[], flags: Flags) => load(images, from(flags)));
command('kubeconfig', "print the path of the cluster's kubeconfig").action(async (flags: Flags) =>
  print(await kubeconfigPath(from(flags))),
);
command('kubectl', 'print the path of a kubectl that fits the cluster').action(async (flags: Flags) =>
  print(await kubectlPath(from(flags))),
);
command('status', 'say what runs; ends with 1 unless the cluster is up')
  .option('--json', 'as JSON')
  .action(async (flags: Flags & { json?: boolean }) => {
    const found = await status(from(flags));
    print(flags.json ? JSON.stringify(found) : sentences(found));
    if (found.state !== 'up') process.exitCode = 1;
  });

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

function command(verb: string, description: string): Command {
  return program
    .command(verb)
    .description(description)
    .option('--name <name>', 'name of the cluster; several can live beside each other', 'heddle')
    .addOption(
      new Option(
        '--cluster <kind>',
        'own: one of ours; kind: by kind, where Docker runs; current: that of the current kubeconfig',
      )
        .choices([...clusterKinds])
        .default('own'),
    );
}

function from(flags: Flags): ClusterOptions {
  return { kind: flags.cluster, name: flags.name };
}

function sentences(found: ClusterStatus): string {
  const pods = found.pods ? [`pods       ${found.pods.running} of ${found.pods.all} running`] : [];
  const processes = found.processes === undefined ? [] : [`processes  ${found.processes}`];
  const parts = Object.entries(found.parts).map(([name, state]) => `  ${name.padEnd(24)}${state}`);
  return [
    `cluster ${found.name} is ${found.state}`,
    ...parts,
    ...pods,
    ...processes,
    ...(found.kubeconfig ? [`kubeconfig ${found.kubeconfig}`] : []),
  ].join('\n');
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
