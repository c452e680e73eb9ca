/**
 * `npm run bench`: ourselves and the proxies that users would take instead, interleaved, on this machine. Options and how to read the result: README.md.
 * Exit code 1 when ourselves or a peer gave a wrong answer or broke.
 */
import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROXY_UID } from '../../proxy/contract/bootstrap.ts';
import { bundle, distFolder } from '../build.ts';
import { createProgress } from '../cluster/progress.ts';
import { run } from '../cluster/run.ts';
import { CONTENDERS, type Contender, type ContenderInputs, OURSELVES } from './contenders.ts';
import { checkWorld, untilServing } from './correctness.ts';
import { toolFiles } from './load/run-load.ts';
import { WRK_SCRIPT } from './load/wrk.ts';
import { machineFacts } from './machine-facts.ts';
import { measure } from './measure/measure.ts';
import { type BenchOptions, parseOptions, USAGE } from './options.ts';
import { makeCertificates } from './peers/certificates.ts';
import { proxyNodeOptions } from './peers/heddle-image.ts';
import { findPrograms, type Programs } from './peers/programs.ts';
import { CORES } from './plan.ts';
import { printReport } from './print.ts';
import { type Entrant, reportScenario } from './report.ts';
import { type Results, runRounds } from './rounds.ts';
import { SCENARIOS, type Scenario, takesPart } from './scenarios.ts';
import { GRPC_MESSAGE } from './world/backends.ts';
import { removeLeftovers } from './world/network.ts';
import { createWorld, type World } from './world/world.ts';

const DOCKERFILE = new URL('../../Dockerfile', import.meta.url);
const progress = createProgress();

async function main(options: BenchOptions): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error('the bench makes network namespaces: run it as root');
  await run('taskset', ['-c', '-p', String(CORES.load), String(process.pid)]);
  await removeLeftovers();
  const programs = await findPrograms(progress, options.short ? 'own' : 'all');
  const folder = mkdtempSync(join(tmpdir(), `heddle-bench-${process.pid}-`));
  chmodSync(folder, 0o755);
  const worlds = new Map<string, World>();
  const stop = async (): Promise<void> => {
    await Promise.all([...worlds.values()].map((world) => world.stop()));
    rmSync(folder, { recursive: true, force: true });
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => void stop().then(() => process.exit(130)));
  try {
    await bench(options, programs, folder, worlds);
  } finally {
    await stop();
  }
}

async function bench(
  options: BenchOptions,
  programs: Programs,
  folder: string,
  worlds: Map<string, World>,
): Promise<void> {
  const scenarios = SCENARIOS.filter(({ name }) => options.only.length === 0 || options.only.includes(name));
  const inputs = await prepare(folder, programs, options);
  const wanted = CONTENDERS.filter(
    (contender) =>
      (options.contenders.length === 0 || options.contenders.includes(contender.name)) &&
      scenarios.some((scenario) => takesPart(scenario, contender)),
  );
  const entrants = new Map<string, Entrant>();
  if (options.short) {
    // Nothing is timed meanwhile.
    const admitted = await Promise.all(wanted.map((contender) => admit(contender, inputs, worlds)));
    for (const entrant of admitted) entrants.set(entrant.name, entrant);
  } else {
    for (const contender of wanted) entrants.set(contender.name, await admit(contender, inputs, worlds));
  }

  const tools = { programs: programs.found, ...toolFiles(folder) };
  const ready = (name: string): boolean =>
    entrants.get(name)?.checks.every((check) => check.fault === undefined) === true;
  const results = await runRounds({
    rounds: options.rounds,
    scenarios,
    contenders: (scenario) =>
      wanted
        .filter((one) => takesPart(scenario, one) && worlds.has(one.name) && ready(one.name))
        .filter((one) => !options.short || one.name === OURSELVES)
        .map((one) => one.name),
    measure: (name, scenario) => measure(worlds.get(name)!, scenario, { ...options, tools }),
    say: progress.say,
  });
  const reports = scenarios.map((scenario) => reportScenario(scenario, results, missingFrom(scenario, entrants)));
  const facts = await machineFacts(options, programs);
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ ...facts, entrants: [...entrants.values()], scenarios: reports }, undefined, 1)}\n`
      : `${printReport([...entrants.values()], reports, facts.notes)}\n`,
  );
  const broken = [...entrants.values()].some((entrant) => entrant.checks.some((check) => check.fault !== undefined));
  if (broken || reports.some((report) => report.rows.some((row) => row.failure !== undefined))) process.exitCode = 1;
  if (options.short) close([...entrants.values()], results);
}

/** The closing line of a stage of `npm test`. An absent peer counts for nothing; ourselves must have been measured. */
function close(entrants: readonly Entrant[], results: Results): void {
  const checks = entrants.flatMap((entrant) => entrant.checks);
  const faults = checks.filter((check) => check.fault !== undefined).length;
  const measured = [...results.values()].some((byName) => (byName.get(OURSELVES)?.rounds.size ?? 0) > 0);
  if (!measured) process.exitCode = 1;
  process.stdout.write(
    `${checks.length - faults + (measured ? 1 : 0)} passed, ${faults + (measured ? 0 : 1)} failed\n`,
  );
}

async function prepare(folder: string, programs: Programs, options: BenchOptions): Promise<ContenderInputs> {
  const certificateFolder = join(folder, 'certificates');
  mkdirSync(certificateFolder);
  const certificates = await progress.step('certificates made', () => makeCertificates(certificateFolder));
  const files = toolFiles(folder);
  const heddle = await progress.step('our proxy bundled', () => bundleProxy(folder));
  writeFileSync(files.wrkScript, WRK_SCRIPT);
  writeFileSync(files.grpcRequest, GRPC_MESSAGE);
  return {
    files: { folder, certificates },
    programs: programs.found,
    heddle,
    nodeOptions: [
      ...(options.nodeOptions ?? proxyNodeOptions(readFileSync(DOCKERFILE, 'utf8'))),
      ...profileOptions(options.profile),
    ],
    read: (file) => readFileSync(file, 'utf8'),
    now: Date.now(),
  };
}

/**
 * As `node hack/build.ts proxy` makes it, copied: whoever builds while the bench runs must not change what is measured. A proxy that does not bundle
 * will not start and is reported so; the peers are measured all the same.
 */
async function bundleProxy(folder: string): Promise<string> {
  const copy = join(folder, 'bundle');
  try {
    await bundle(['proxy']);
    cpSync(distFolder('proxy'), copy, { recursive: true });
  } catch (error) {
    progress.say(`our proxy is not bundled: ${error instanceof Error ? error.message : String(error)}`);
  }
  return join(copy, 'main.mjs');
}

function profileOptions(folder: string | undefined): readonly string[] {
  if (folder === undefined) return [];
  mkdirSync(folder, { recursive: true });
  chownSync(folder, PROXY_UID, PROXY_UID);
  return ['--cpu-prof', `--cpu-prof-dir=${folder}`];
}

/** Starts a contender and looks whether it does right what it is to be measured at. */
async function admit(contender: Contender, inputs: ContenderInputs, worlds: Map<string, World>): Promise<Entrant> {
  const { name, title, needs } = contender;
  const lacks = needs.filter((program) => !inputs.programs.has(program));
  if (lacks.length > 0) return { name, title, checks: [], absent: `${lacks.join(', ')} not installed` };
  try {
    const world = await createWorld(contender, inputs);
    worlds.set(name, world);
    await untilServing(world);
    const checks = await progress.step(`${name}: checked`, () =>
      checkWorld(world, inputs.files.certificates, inputs.programs.has('nghttpd')),
    );
    for (const check of checks) if (check.fault !== undefined) progress.say(`${name}: ${check.name}: ${check.fault}`);
    return { name, title, checks };
  } catch (error) {
    const fault = error instanceof Error ? error.message : String(error);
    progress.say(`${name}: ${fault}`);
    return { name, title, checks: [{ name: 'starts', fault }] };
  }
}

function missingFrom(scenario: Scenario, entrants: ReadonlyMap<string, Entrant>): { contender: string; why: string }[] {
  return CONTENDERS.flatMap((contender) => {
    const entrant = entrants.get(contender.name);
    if (entrant === undefined || !takesPart(scenario, contender)) return [];
    if (entrant.absent !== undefined) return [{ contender: contender.name, why: `absent: ${entrant.absent}` }];
    const faults = entrant.checks.filter((check) => check.fault !== undefined).length;
    return faults === 0 ? [] : [{ contender: contender.name, why: `not measured: ${faults} checks do not hold` }];
  });
}

try {
  const options = parseOptions(
    process.argv.slice(2),
    CONTENDERS.map((contender) => contender.name),
  );
  if (options.help) process.stdout.write(USAGE);
  else await main(options);
} catch (error) {
  process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
