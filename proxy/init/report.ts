import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { INIT_REPORT_FILE, type InitReport } from '../contract/bootstrap.ts';

/** Leaves the report for the proxy, readable by its user. A directory that is not there or not writable is no fault: the proxy then knows less. */
export async function writeReport(directory: string, report: InitReport, log: Log): Promise<void> {
  try {
    await writeFile(join(directory, INIT_REPORT_FILE), `${JSON.stringify(report)}\n`, { mode: 0o644 });
  } catch (error) {
    const code = errorCode(error);
    if (code === undefined || !['ENOENT', 'EACCES', 'EROFS', 'EPERM', 'ENOTDIR'].includes(code)) throw error;
    log.warn('the report is not kept: the state directory cannot be written', { directory, error: code });
  }
}
