import { readFileSync } from 'node:fs';
import { type Environment, optionalText } from '../base/env.ts';
import { errorCode } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { ENV, type InitReport, PATHS } from '../contract/bootstrap.ts';
import { applyRules } from './apply.ts';
import type { See } from './arrival.ts';
import { checkRedirect, checkServiceAddress } from './check.ts';
import { type Ipv6State, ipv6State } from './ipv6-state.ts';
import { parseOptions } from './options.ts';
import { writeReport } from './report.ts';
import type { Run } from './run.ts';

export interface InitDependencies {
  readonly run: Run;
  readonly see: See;
  readonly log: Log;
  readonly env: Environment;
  readonly resolve: (host: string) => Promise<readonly string[]>;
}

/** What heddle-init does, once: read the options, write the rules, see that they work, leave the report. */
export async function init(argument: string | undefined, dependencies: InitDependencies): Promise<InitReport> {
  const options = parseOptions(argument);
  const applied = await applyRules(options, { ...dependencies, ipv6: readIpv6State });
  await checkRedirect(options, applied.ipv6 ? ['ipv4', 'ipv6'] : ['ipv4'], dependencies);
  const serviceAddressSurvives = await checkServiceAddress(options, dependencies);
  const report: InitReport = {
    ipv6: applied.ipv6,
    ...(serviceAddressSurvives === undefined ? {} : { serviceAddressSurvives }),
  };
  await writeReport(optionalText(dependencies.env, ENV.stateDirectory, PATHS.state), report, dependencies.log);
  return report;
}

function readIpv6State(): Ipv6State {
  try {
    return ipv6State(readFileSync('/proc/net/if_inet6', 'utf8'));
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return ipv6State(undefined);
    throw error;
  }
}
