import { resolve } from 'node:path';
import { SCENARIOS } from './scenarios.ts';

export interface BenchOptions {
  readonly json: boolean;
  readonly rounds: number;
  /** Of each measurement. */
  readonly seconds: number;
  /** Names of scenarios; empty: all. */
  readonly only: readonly string[];
  /** Names of contenders; empty: all. */
  readonly contenders: readonly string[];
  /** Keep measurements of a machine that others use too. */
  readonly busy: boolean;
  /** Folder that our proxies write a V8 CPU profile to when they end; undefined: none. Profiling costs CPU itself. */
  readonly profile: string | undefined;
  /** Options of Node for our proxies instead of those in the Dockerfile: to try others. */
  readonly nodeOptions: readonly string[] | undefined;
  /** What `npm test` does: correctness of everybody who is installed, one round of ourselves, a closing line that counts. */
  readonly short: boolean;
  readonly help: boolean;
}

export const DEFAULTS: BenchOptions = {
  json: false,
  rounds: 5,
  seconds: 6,
  only: [],
  contenders: [],
  busy: false,
  profile: undefined,
  nodeOptions: undefined,
  short: false,
  help: false,
};

/** Of the short form. */
const SHORT = { rounds: 1, seconds: 1, only: ['pair-16'], busy: true } as const;

export const USAGE = `npm run bench -- [options]
  --rounds N          rounds; everybody is measured in each (default ${DEFAULTS.rounds})
  --seconds S         seconds of each measurement (default ${DEFAULTS.seconds})
  --only NAME         one scenario: ${SCENARIOS.map((scenario) => scenario.name).join(', ')}; may be repeated
  --contender NAME    one contender: direct, haproxy, nginx, envoy-h1, envoy-h2, heddle; may be repeated
  --busy              keep what was measured while others used the machine (figures are then marked)
  --profile FOLDER    our proxies leave a V8 CPU profile there (figures are then marked)
  --node-options TEXT options of Node for our proxies instead of the image's (figures are then marked)
  --short             correctness of everybody who is installed, then one second of ourselves (as npm test does)
  --json              one JSON document on standard output
`;

/** Throws with a sentence on what is not understood. */
export function parseOptions(args: readonly string[], contenders: readonly string[]): BenchOptions {
  const only: string[] = [];
  const named: string[] = [];
  let { json, rounds, seconds, busy, profile, nodeOptions, short, help } = DEFAULTS;
  const rest = [...args];
  for (let option = rest.shift(); option !== undefined; option = rest.shift()) {
    if (option === '--json') json = true;
    else if (option === '--busy') busy = true;
    else if (option === '--help') help = true;
    else if (option === '--short') short = true;
    else if (option === '--node-options') nodeOptions = words(text(option, rest.shift()));
    else if (option === '--profile') profile = resolve(text(option, rest.shift()));
    else if (option === '--rounds') rounds = whole(option, rest.shift(), 1, 1_000);
    else if (option === '--seconds') seconds = whole(option, rest.shift(), 1, 600);
    else if (option === '--only')
      only.push(
        oneOf(
          option,
          rest.shift(),
          SCENARIOS.map((scenario) => scenario.name),
        ),
      );
    else if (option === '--contender') named.push(oneOf(option, rest.shift(), contenders));
    else throw new Error(`no option ${option}; --help names them`);
  }
  const options = { json, rounds, seconds, only, contenders: named, busy, profile, nodeOptions, short, help };
  return short ? { ...options, ...SHORT } : options;
}

function whole(option: string, text: string | undefined, least: number, most: number): number {
  const value = Number(text);
  if (text !== undefined && Number.isInteger(value) && value >= least && value <= most) return value;
  throw new Error(`${option} wants a whole number from ${least} to ${most}, not ${text ?? 'nothing'}`);
}

function text(option: string, given: string | undefined): string {
  if (given !== undefined && given !== '') return given;
  throw new Error(`${option} wants a value`);
}

function words(given: string): readonly string[] {
  return given.split(' ').filter((word) => word !== '');
}

function oneOf(option: string, text: string | undefined, names: readonly string[]): string {
  if (text !== undefined && names.includes(text)) return text;
  throw new Error(`${option} knows ${names.join(', ')}, not ${text ?? 'nothing'}`);
}
